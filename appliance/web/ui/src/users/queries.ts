import { queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';

export const USERS = ['users'] as const;
export const ROLES = ['roles'] as const;
export const SESSIONS = ['sessions'] as const;
export const SERVICE_TOKENS = ['service-tokens'] as const;
export const POLICY = ['policy'] as const;
export const SIGNING_KEYS = ['signing-keys'] as const;

export const people = queryOptions({
  queryKey: [...USERS, 'all'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/users', { signal })),
});

export const roleMatrix = queryOptions({
  queryKey: ROLES,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/roles', { signal })),
  staleTime: 60_000,
});

export const allSessions = queryOptions({
  queryKey: SESSIONS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/sessions', { signal })),
});

export const serviceTokens = queryOptions({
  queryKey: SERVICE_TOKENS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/service-tokens', { signal })),
});

export const policy = queryOptions({
  queryKey: POLICY,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/organisation/policy', { signal })),
});

export const signingKeys = queryOptions({
  queryKey: SIGNING_KEYS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/signing-keys', { signal })),
});
