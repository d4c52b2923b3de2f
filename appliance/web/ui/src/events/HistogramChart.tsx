import { useState, type KeyboardEvent } from 'react';

import type { Histogram } from '../api/schema';
import { formatNumber, t } from '../language/language';
import { formatAxisTime, formatTime } from '../language/time';
import { usePreference } from '../frame/theme';
import type { Window } from './range';

interface HistogramProps { histogram: Histogram; window: Window; zoom: (window: Window) => void }

/**
 * Events over time. Each bar is a button that says its span and count and narrows the search to
 * it; one Tab stop for the whole chart, arrow keys between bars.
 */
export function HistogramChart({ histogram, window, zoom }: HistogramProps) {
  usePreference('zone');
  const { buckets } = histogram;
  const [current, setCurrent] = useState(0);
  const highest = Math.max(1, ...buckets.map((one) => one.count));
  const total = buckets.reduce((sum, one) => sum + one.count, 0);
  const entry = Math.min(current, buckets.length - 1);
  const span = Date.parse(window.to) - Date.parse(window.from);
  const endOf = (index: number) => buckets[index + 1]?.from ?? window.to;
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const next = neighbour(event.key, entry, buckets.length);
    if (next === null) return;
    event.preventDefault();
    setCurrent(next);
    event.currentTarget.querySelectorAll<HTMLElement>('button')[next]?.focus();
  };
  return (
    <figure className="xdr-histogram" aria-label={t('histogram.label')}>
      <figcaption>
        <strong>{t('histogram.total', { count: total })}</strong>
        {!histogram.complete && <span className="xdr-quiet"> {t('histogram.incomplete')}</span>}
        <span className="xdr-quiet"> {t('histogram.highest', { count: highest })}</span>
      </figcaption>
      {/* Arrow keys belong to the group, the buttons in it act by themselves. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div role="group" aria-label={t('histogram.bars')} className="xdr-bars" onKeyDown={move}>
        {buckets.map((bucket, index) => {
          const label = t('histogram.bar', {
            from: formatTime(bucket.from), to: formatTime(endOf(index)), count: formatNumber(bucket.count),
          });
          return (
            <button
              key={bucket.from} type="button" tabIndex={index === entry ? 0 : -1} aria-label={label} title={label}
              onFocus={() => setCurrent(index)} onClick={() => zoom({ from: bucket.from, to: endOf(index) })}
            >
              <span style={{ height: `${bucket.count === 0 ? 0 : Math.max(4, (100 * bucket.count) / highest)}%` }} />
            </button>
          );
        })}
      </div>
      <div className="xdr-axis" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => <span key={part}>{formatAxisTime(momentAt(window, part), span)}</span>)}
      </div>
    </figure>
  );
}

function neighbour(key: string, index: number, count: number): number | null {
  switch (key) {
    case 'ArrowRight': return Math.min(index + 1, count - 1);
    case 'ArrowLeft': return Math.max(index - 1, 0);
    case 'Home': return 0;
    case 'End': return count - 1;
    default: return null;
  }
}

function momentAt({ from, to }: Window, part: number): string {
  const start = Date.parse(from);
  return new Date(start + part * (Date.parse(to) - start)).toISOString();
}
