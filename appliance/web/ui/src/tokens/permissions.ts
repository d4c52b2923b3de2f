/** Permissions by the area they are about, in the order they come. */
export function byArea(permissions: readonly string[]): [string, string[]][] {
  const areas = new Map<string, string[]>();
  for (const one of permissions) {
    const [area = one] = one.split(':');
    areas.set(area, [...(areas.get(area) ?? []), one]);
  }
  return [...areas];
}
