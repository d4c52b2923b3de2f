/** How far back a search looks: a span that moves with the clock, or two fixed moments. */
export const SPANS = { '15m': 900, '1h': 3_600, '24h': 86_400, '7d': 604_800, '30d': 2_592_000, '365d': 31_536_000 } as const;
export type Span = keyof typeof SPANS;

export type TimeRange = { span: Span | 'all' } | { from: string; to: string };
export interface Window { from: string; to: string }

const DEFAULT: TimeRange = { span: '24h' };
const BEGINNING = '2000-01-01T00:00:00.000Z';

export function readRange(address: URLSearchParams): TimeRange {
  const from = instant(address.get('from'));
  const to = instant(address.get('to'));
  if (from !== null && to !== null && from < to) return { from, to };
  const span = address.get('range');
  if (span === 'all') return { span };
  return span !== null && Object.hasOwn(SPANS, span) ? { span: span as Span } : DEFAULT;
}

export function writeRange(address: URLSearchParams, range: TimeRange): URLSearchParams {
  const next = new URLSearchParams(address);
  for (const name of ['from', 'to', 'range']) next.delete(name);
  if ('span' in range) {
    if (range.span !== '24h') next.set('range', range.span);
  } else {
    next.set('from', range.from);
    next.set('to', range.to);
  }
  return next;
}

/** The range as two moments, counted from `now` in milliseconds. */
export function windowOf(range: TimeRange, now: number): Window {
  if ('from' in range) return range;
  const to = new Date(now).toISOString();
  if (range.span === 'all') return { from: BEGINNING, to };
  return { from: new Date(now - SPANS[range.span] * 1000).toISOString(), to };
}

/** An hour before the first to an hour after the last moment, to see what lies around them. */
export function around(first: string, last: string): Window {
  const hour = 3_600_000;
  return {
    from: new Date(Date.parse(first) - hour).toISOString(),
    to: new Date(Date.parse(last) + hour).toISOString(),
  };
}

function instant(text: string | null): string | null {
  const time = text === null ? NaN : Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
