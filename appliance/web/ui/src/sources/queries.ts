import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { LIVE_MS } from '../api/queries';

export const SOURCES = ['sources'] as const;
export const QUARANTINE = ['quarantine'] as const;

export const sourceList = queryOptions({
  queryKey: SOURCES,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/sources', { params: { query: { limit: 200 } }, signal })),
  refetchInterval: LIVE_MS,
});

export function quarantined(source: string) {
  return infiniteQueryOptions({
    queryKey: [...QUARANTINE, source],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/quarantine', {
      params: { query: { limit: 100, source: source || undefined, cursor: pageParam ?? undefined } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}
