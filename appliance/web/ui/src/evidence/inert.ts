/**
 * Evidence made safe to look at.
 *
 * Telemetry is written by attackers. React already keeps it from being markup; what remains is
 * text that lies to the eye: control characters, direction overrides (CVE-2021-42574), invisible
 * and look-alike spaces. Each becomes a visible symbol that says which character it was.
 *
 * Invariant: joining the `raw` parts gives back exactly the input.
 */
export interface Segment {
  raw: string;
  /** What to show instead; null where the text may be shown as it is. */
  symbol: string | null;
}

const HIDDEN: readonly (readonly [number, number])[] = [
  [0x00, 0x1f], [0x7f, 0x9f], // C0 and C1 controls
  [0xa0, 0xa0], [0xad, 0xad], // no-break space, soft hyphen
  [0x034f, 0x034f], [0x061c, 0x061c], // grapheme joiner, Arabic letter mark
  [0x115f, 0x1160], [0x17b4, 0x17b5], [0x180b, 0x180f], // fillers, invisible vowels, Mongolian selectors
  [0x2000, 0x200f], [0x2028, 0x202f], [0x205f, 0x206f], // odd spaces, joiners, overrides, isolates
  [0x2800, 0x2800], [0x3000, 0x3000], [0x3164, 0x3164], [0xd800, 0xdfff], // blanks, lone surrogates
  [0xfe00, 0xfe0e], [0xfeff, 0xfeff], [0xffa0, 0xffa0], [0xfff0, 0xfffc],
  [0x1d173, 0x1d17a], [0xe0000, 0xe0fff], // musical formatting, tags and selectors
];

const CONTROL_NAMES = (
  'NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI '
  + 'DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'
).split(' ');

/** Splits text into what can be shown and what needs a symbol. */
export function inertSegments(text: string, multiline = false): Segment[] {
  const segments: Segment[] = [];
  let plain = '';
  for (const character of text) {
    if (!isHidden(character.codePointAt(0) ?? 0, multiline)) {
      plain += character;
      continue;
    }
    if (plain !== '') segments.push({ raw: plain, symbol: null });
    plain = '';
    segments.push({ raw: character, symbol: symbolFor(character.codePointAt(0) ?? 0) });
  }
  if (plain !== '') segments.push({ raw: plain, symbol: null });
  return segments;
}

/** The same as one plain string, for titles, labels and files. */
export function inertText(text: string, multiline = false): string {
  return inertSegments(text, multiline)
    .map((segment) => segment.symbol ?? segment.raw)
    .join('');
}

/** Any field value as the text an analyst reads: no quotes round strings, JSON for the rest. */
export function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined) return '';
  return JSON.stringify(value);
}

function isHidden(code: number, multiline: boolean): boolean {
  if (multiline && (code === 0x0a || code === 0x09)) return false;
  return HIDDEN.some(([first, last]) => code >= first && code <= last);
}

function symbolFor(code: number): string {
  const name = code === 0x7f ? 'DEL' : CONTROL_NAMES[code];
  return `\u2039${name ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`}\u203a`;
}
