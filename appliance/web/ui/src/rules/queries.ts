import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import type { RuleState, Severity } from '../api/schema';

export const RULES = ['rules'] as const;
export const RULE_STATES: readonly RuleState[] = ['active', 'inactive', 'disabled'];

export interface RuleFilters { state: RuleState | ''; level: Severity | ''; q: string }

export function readRuleFilters(address: URLSearchParams): RuleFilters {
  const levels: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'informational'];
  return {
    state: RULE_STATES.find((one) => one === address.get('state')) ?? '',
    level: levels.find((one) => one === address.get('level')) ?? '',
    q: address.get('q') ?? '',
  };
}

export function ruleList(filters: RuleFilters) {
  return infiniteQueryOptions({
    queryKey: [...RULES, 'list', filters],
    queryFn: ({ pageParam, signal }) => answer(api.GET('/api/v1/rules', {
      params: {
        query: {
          limit: 200, state: filters.state || undefined, level: filters.level || undefined,
          q: filters.q || undefined, cursor: pageParam ?? undefined,
        },
      },
      signal,
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}

export function rule(id: string) {
  return queryOptions({
    queryKey: [...RULES, 'one', id],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/rules/{id}', { params: { path: { id } }, signal })),
  });
}

export const latestLoad = queryOptions({
  queryKey: [...RULES, 'load'],
  queryFn: ({ signal }) => answer(api.GET('/api/v1/rules/loads/latest', { signal })),
});
