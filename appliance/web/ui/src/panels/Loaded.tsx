import { Alert, Skeleton } from '@patternfly/react-core';
import type { ReactNode } from 'react';

import { t } from '../language/language';
import { formatTime } from '../language/time';
import { Failure } from './Failure';

/** What a panel needs to know of a query; React Query's results fit. */
export interface Loadable<T> {
  data: T | undefined;
  error: Error | null;
  isFetching: boolean;
  dataUpdatedAt: number;
  refetch: () => Promise<unknown>;
}

interface LoadedProps<T> { query: Loadable<T>; lines?: number; children: (data: T) => ReactNode }

/** Draws data once there is some; until then says honestly that it loads or why it does not. */
export function Loaded<T>({ query, lines = 3, children }: LoadedProps<T>) {
  const retry = () => void query.refetch();
  if (query.data === undefined) {
    if (query.error) return <Failure error={query.error} retry={retry} busy={query.isFetching} />;
    return <Waiting lines={lines} />;
  }
  return (
    <>
      {query.error && <Stale since={query.dataUpdatedAt} />}
      {children(query.data)}
    </>
  );
}

export function Waiting({ lines }: { lines: number }) {
  return (
    <div role="status" className="xdr-waiting">
      <span className="pf-v6-screen-reader">{t('loading')}</span>
      {Array.from({ length: lines }, (_, line) => <Skeleton key={line} height="1.25rem" />)}
    </div>
  );
}

export function Stale({ since }: { since: number }) {
  const time = formatTime(new Date(since).toISOString());
  return <Alert variant="warning" isInline isPlain component="p" title={t('failure.stale', { time })} />;
}
