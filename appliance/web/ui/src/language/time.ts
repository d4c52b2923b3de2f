import { preference } from '../preferences/preferences';
import { currentLanguage } from './language';

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400], ['hour', 3_600], ['minute', 60], ['second', 1],
];

/** Date and time to the second (or millisecond), in the zone the user chose, always named. */
export function formatTime(iso: string, precise = false): string {
  const zone = preference.get('zone') === 'utc' ? 'UTC' : undefined;
  return new Intl.DateTimeFormat(currentLanguage(), {
    year: 'numeric', month: 'short', day: '2-digit',
    hour: '2-digit', minute: '2-digit', second: '2-digit',
    ...(precise ? { fractionalSecondDigits: 3 as const } : {}),
    hour12: false, timeZone: zone, timeZoneName: 'short',
  }).format(new Date(iso));
}

export function formatDate(iso: string): string {
  const zone = preference.get('zone') === 'utc' ? 'UTC' : undefined;
  return new Intl.DateTimeFormat(currentLanguage(), { dateStyle: 'medium', timeZone: zone }).format(new Date(iso));
}

/** As much of a moment as tells the ticks of an axis apart. */
export function formatAxisTime(iso: string, spanMS: number): string {
  const zone = preference.get('zone') === 'utc' ? 'UTC' : undefined;
  return new Intl.DateTimeFormat(currentLanguage(), {
    ...axisParts(spanMS), timeZone: zone,
  }).format(new Date(iso));
}

function axisParts(spanMS: number): Intl.DateTimeFormatOptions {
  const day = 86_400_000;
  const hour = { hour: '2-digit', minute: '2-digit', hour12: false } as const;
  if (spanMS > 300 * day) return { year: 'numeric', month: 'short' };
  if (spanMS > 5 * day) return { month: 'short', day: '2-digit' };
  return spanMS > day ? { month: 'short', day: '2-digit', ...hour } : hour;
}

/** "5 minutes ago", counted from `now` in milliseconds. */
export function formatAgo(iso: string, now: number): string {
  const seconds = Math.round((Date.parse(iso) - now) / 1000);
  const [unit, size] = UNITS.find(([, span]) => Math.abs(seconds) >= span) ?? ['second', 1];
  const format = new Intl.RelativeTimeFormat(currentLanguage(), { numeric: 'auto', style: 'short' });
  return format.format(Math.trunc(seconds / size), unit);
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const format = new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: 1 });
  return `${format.format(value)} ${units[unit] ?? 'B'}`;
}
