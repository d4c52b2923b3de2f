import { useQuery } from '@tanstack/react-query';
import { createContext, use } from 'react';

import { answer, api, rememberToken } from '../api/client';
import type { Session } from '../api/schema';

export const SessionContext = createContext<Session | null>(null);

export function useSessionQuery() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async ({ signal }) => {
      const session = await answer(api.GET('/api/v1/session', { signal }));
      rememberToken(session.csrf_token);
      return session;
    },
    refetchInterval: 5 * 60_000,
  });
}

/** The signed-in session; pages are only drawn inside one. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error('a page was drawn without a session');
  return session;
}

/** Whether to offer an action. The appliance decides again whatever is offered here. */
export function useMay(permission: string): boolean {
  return useSession().permissions.includes(permission);
}
