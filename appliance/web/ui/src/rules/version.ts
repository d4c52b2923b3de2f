const SHOWN = 10;

/** A rule set's version is a hash; its beginning is enough to tell two apart by eye. */
export function shortVersion(version: string | number | null): string {
  return version === null ? '–' : String(version).slice(0, SHOWN);
}
