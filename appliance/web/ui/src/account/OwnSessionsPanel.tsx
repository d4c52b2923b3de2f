import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import type { SessionSummary } from '../api/identity';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { useToasts } from '../panels/Toasts';
import { useChange } from '../panels/useChange';
import { SessionTable } from '../session/SessionTable';
import { OWN_SESSIONS, ownSessions } from './queries';

/** Where one is signed in, and ending that. */
export function OwnSessionsPanel() {
  const query = useQuery(ownSessions);
  const toasts = useToasts();
  const end = useChange((one: SessionSummary) => answer(api.DELETE('/api/v1/sessions/own/{id}', { params: { path: { id: one.id } } })), [OWN_SESSIONS]);
  const endOthers = useChange(
    () => answer(api.DELETE('/api/v1/sessions/own')), [OWN_SESSIONS],
    ({ ended }) => toasts.say('success', t('sessions.ended', { count: ended })),
  );
  const others = query.data?.items.filter((one) => !one.current).length ?? 0;
  return (
    <Panel
      title={t('sessions.own')}
      actions={others > 0 && <Button size="sm" variant="secondary" isLoading={endOthers.isPending} onClick={() => endOthers.mutate(undefined)}>{t('sessions.end_others')}</Button>}
    >
      {(end.error ?? endOthers.error) && <Failure error={end.error ?? endOthers.error} />}
      <Loaded query={query} lines={3}>
        {({ items }) => <SessionTable sessions={items} end={(one) => end.mutate(one)} />}
      </Loaded>
    </Panel>
  );
}
