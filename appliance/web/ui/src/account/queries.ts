import { queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';

export const OWN_SESSIONS = ['own-sessions'] as const;
export const OWN_TOKENS = ['own-tokens'] as const;

export const ownSessions = queryOptions({
  queryKey: OWN_SESSIONS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/sessions/own', { signal })),
});

export const ownTokens = queryOptions({
  queryKey: OWN_TOKENS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/tokens', { signal })),
});
