import { useSyncExternalStore } from 'react';

import { t } from '../language/language';
import { formatAgo, formatDate, formatTime } from '../language/time';
import { usePreference } from '../frame/theme';

const TICK_MS = 15_000;
const LONG_AGO_MS = 60 * 86_400_000;
let now = Date.now();
const listeners = new Set<() => void>();
let timer: number | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= window.setInterval(() => {
    now = Date.now();
    listeners.forEach((one) => one());
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    window.clearInterval(timer);
    timer = undefined;
  };
}

/** A moment as "5 min. ago"; the exact time is its title. One clock ticks for the whole page. */
export function Ago({ at }: { at: string | null }) {
  const clock = useSyncExternalStore(subscribe, () => now);
  usePreference('zone');
  if (at === null) return <>{t('never')}</>;
  return <time dateTime={at} title={formatTime(at)}>{recentOrDate(at, Math.max(clock, Date.parse(at)))}</time>;
}

/** Long ago, a date says more than a number of days. */
function recentOrDate(at: string, clock: number): string {
  return clock - Date.parse(at) < LONG_AGO_MS ? formatAgo(at, clock) : formatDate(at);
}

/** A moment to the second, in the chosen zone. */
export function Moment({ at, precise = false }: { at: string | null; precise?: boolean }) {
  usePreference('zone');
  if (at === null) return <>{t('never')}</>;
  return <time dateTime={at} className="xdr-moment">{formatTime(at, precise)}</time>;
}
