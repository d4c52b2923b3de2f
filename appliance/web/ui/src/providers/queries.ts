import { queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';

export const PROVIDERS = ['identity-providers'] as const;

export const providers = queryOptions({
  queryKey: [...PROVIDERS, 'all'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/identity-providers', { signal })),
});

export function provider(id: string) {
  return queryOptions({
    queryKey: [...PROVIDERS, 'one', id],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/identity-providers/{id}', { params: { path: { id } }, signal })),
  });
}
