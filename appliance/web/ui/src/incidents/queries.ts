import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';

import { answer, answerWithTag, api } from '../api/client';
import { LIVE_MS } from '../api/queries';
import type { Filters } from './filters';

const PAGE_SIZE = 100;
/** A queue scrolled far down is polled more gently: each page of it is a request. */
const MANY_PAGES = 4;

export const INCIDENTS = ['incidents'] as const;
export const LISTS = [...INCIDENTS, 'list'] as const;

export function incidentList(filters: Filters) {
  return infiniteQueryOptions({
    queryKey: [...LISTS, filters],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/incidents', {
      params: {
        query: {
          status: filters.status, severity: filters.severity, sort: filters.sort, limit: PAGE_SIZE,
          owner: filters.owner || undefined, tag: filters.tag || undefined,
          q: filters.q || undefined, cursor: pageParam ?? undefined,
        },
      },
      signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => LIVE_MS * ((query.state.data?.pages.length ?? 0) > MANY_PAGES ? 6 : 1),
  });
}

export const incidentSummary = queryOptions({
  queryKey: [...INCIDENTS, 'summary'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/incidents/summary', { signal })),
  refetchInterval: LIVE_MS,
});

/** Marks every change of one incident, so that no second one starts on a version already outdated. */
export function changesOf(id: string) {
  return ['incident-change', id] as const;
}

const at = (id: string, part: string) => [...INCIDENTS, 'one', id, part] as const;

export function incident(id: string) {
  return queryOptions({
    queryKey: at(id, 'detail'),
    queryFn: ({ signal }) =>
      answerWithTag(api.GET('/api/v1/incidents/{id}', { params: { path: { id } }, signal })),
    refetchInterval: LIVE_MS,
  });
}

export function timeline(id: string) {
  return infiniteQueryOptions({
    queryKey: at(id, 'timeline'),
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/incidents/{id}/timeline', {
      params: { path: { id }, query: { limit: 200, cursor: pageParam ?? undefined } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: LIVE_MS,
  });
}

export function findings(id: string) {
  return infiniteQueryOptions({
    queryKey: at(id, 'findings'),
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/incidents/{id}/findings', {
      params: { path: { id }, query: { limit: 50, cursor: pageParam ?? undefined } }, signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function notes(id: string) {
  return queryOptions({
    queryKey: at(id, 'notes'),
    queryFn: ({ signal }) => answer(api.GET('/api/v1/incidents/{id}/notes', { params: { path: { id } }, signal })),
    refetchInterval: LIVE_MS,
  });
}

export function evidence(id: string) {
  return queryOptions({
    queryKey: at(id, 'evidence'),
    queryFn: ({ signal }) => answer(api.GET('/api/v1/incidents/{id}/evidence', { params: { path: { id } }, signal })),
  });
}

export const users = queryOptions({
  queryKey: ['users'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/users', { params: { query: { limit: 200 } }, signal })),
  staleTime: 60_000,
});
