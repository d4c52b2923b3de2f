import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import type { QueryTree } from '../api/schema';
import type { Window } from './range';

export const PAGE_SIZE = 100;
export const BUCKETS = 60;

export function eventSearch(where: QueryTree | null, { from, to }: Window, run: number) {
  return infiniteQueryOptions({
    queryKey: ['events', 'search', where, from, to, run],
    queryFn: ({ pageParam, signal }) => answer(api.POST('/api/v1/events/search', {
      body: { where, from, to, limit: PAGE_SIZE, cursor: pageParam }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
}

export function eventHistogram(where: QueryTree | null, { from, to }: Window, run: number) {
  return queryOptions({
    queryKey: ['events', 'histogram', where, from, to, run],
    queryFn: ({ signal }) => answer(api.POST('/api/v1/events/histogram', { body: { where, from, to, buckets: BUCKETS }, signal })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
}

export function eventFields(prefix: string) {
  return queryOptions({
    queryKey: ['events', 'fields', prefix],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/events/fields', { params: { query: { prefix: prefix || undefined } }, signal })),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });
}

export function eventDetail(id: string) {
  return queryOptions({
    queryKey: ['events', 'one', id],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/events/{id}', { params: { path: { id } }, signal })),
    staleTime: 60_000,
  });
}
