import { queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { LIVE_MS } from '../api/queries';

export const PROPOSALS = ['proposals'] as const;
export const REVIEWS = ['access-reviews'] as const;

export const openProposals = queryOptions({
  queryKey: PROPOSALS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/proposals', { signal })),
  refetchInterval: LIVE_MS,
});

export const reviews = queryOptions({
  queryKey: REVIEWS,
  // Looking is an entry of the audit trail, so this does not ask again by itself.
  queryFn: ({ signal }) => answer(api.GET('/api/v1/access-reviews', { signal })),
  staleTime: 60_000, refetchOnWindowFocus: false,
});
