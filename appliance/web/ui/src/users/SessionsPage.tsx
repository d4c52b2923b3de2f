import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';

import { answer, api } from '../api/client';
import type { SessionSummary } from '../api/identity';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { useChange } from '../panels/useChange';
import { SessionTable } from '../session/SessionTable';
import { PeopleTabs } from './PeopleTabs';
import { allSessions, SESSIONS } from './queries';

/** Everybody's open sessions, or one person's. */
export function SessionsPage() {
  const query = useQuery(allSessions);
  const [address, setAddress] = useSearchParams();
  const of = address.get('of');
  const end = useChange(async (sessions: readonly SessionSummary[]) => {
    // One after another: the first that is refused stops it, and the list shows what was done.
    for (const { id } of sessions) await answer(api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } }));
  }, [SESSIONS]);
  const shown = query.data?.items.filter((one) => of === null || one.user_id === of) ?? [];
  const others = shown.filter((one) => !one.current);
  return (
    <Content>
      <Heading title={t('sessions.title')}>
        {of !== null && (
          <p className="xdr-line">
            {others.length > 0 && <Button size="sm" variant="danger" isLoading={end.isPending} isDisabled={end.isPending} onClick={() => end.mutate(others)}>{t('sessions.end_all', { count: others.length })}</Button>}
            <Button size="sm" variant="link" onClick={() => setAddress({})}>{t('sessions.everybody')}</Button>
          </p>
        )}
      </Heading>
      <PeopleTabs />
      {end.error && <Failure error={end.error} />}
      <Loaded query={query} lines={6}>
        {() => shown.length === 0
          ? <Nothing title={t('sessions.none')}>{t('sessions.none.advice')}</Nothing>
          : <SessionTable sessions={shown} whose end={(one) => end.mutate([one])} />}
      </Loaded>
    </Content>
  );
}
