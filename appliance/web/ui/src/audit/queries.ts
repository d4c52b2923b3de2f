import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { asQuery, type AuditFilters } from './filters';

const AUDIT = ['audit'] as const;
const PAGE_SIZE = 100;
/** Looking is an entry of the trail itself, so nothing here asks again by itself. */
const STILL = { staleTime: 60_000, refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

export function auditEntries(filters: AuditFilters) {
  return infiniteQueryOptions({
    queryKey: [...AUDIT, 'entries', filters],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/audit/entries', {
      params: { query: { ...asQuery(filters), limit: PAGE_SIZE, cursor: pageParam ?? undefined } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    ...STILL,
  });
}

export function auditEntry(id: string) {
  return queryOptions({
    queryKey: [...AUDIT, 'entry', id],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/audit/entries/{id}', { params: { path: { id } }, signal })),
    ...STILL,
  });
}

export const auditKeys = queryOptions({
  queryKey: [...AUDIT, 'keys'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/audit/keys', { signal })),
  ...STILL,
});

export const auditCheckpoints = infiniteQueryOptions({
  queryKey: [...AUDIT, 'checkpoints'],
  queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/audit/checkpoints', {
    params: { query: { after: pageParam, limit: PAGE_SIZE } }, signal,
  })),
  initialPageParam: 0,
  getNextPageParam: (page) => page.next_after,
  ...STILL,
});
