import { QueryClient } from '@tanstack/react-query';

import { asProblem } from './problem';

/** How often a live page asks again; a hidden page does not ask at all. */
export const LIVE_MS = 10_000;
const RETRIES = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 4_000,
        // The appliance is on the local network: the browser's idea of "online" says nothing.
        networkMode: 'always',
        refetchIntervalInBackground: false,
        retry: (count, error) => asProblem(error).isPassing && count < RETRIES,
      },
      mutations: { networkMode: 'always', retry: false },
    },
  });
}
