import { queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';

export const FACTORS = ['factors'] as const;

export const factorState = queryOptions({
  queryKey: FACTORS,
  queryFn: ({ signal }) => answer(api.GET('/api/v1/account/factors', { signal })),
});
