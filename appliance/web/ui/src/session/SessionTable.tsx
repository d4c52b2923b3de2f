import { Label } from '@patternfly/react-core';

import type { SessionSummary } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Act, actions, Table, type TableColumn } from '../panels/Table';
import { Ago } from '../panels/Time';

interface SessionTableProps { sessions: readonly SessionSummary[]; whose?: boolean; end: (one: SessionSummary) => void }

/** Open sessions; `whose` shows whom each belongs to. One's present session is ended by signing out. */
export function SessionTable({ sessions, whose = false, end }: SessionTableProps) {
  const person: TableColumn<SessionSummary> = { heading: t('column.person'), cell: (one) => <Inert text={one.email} /> };
  const columns: TableColumn<SessionSummary>[] = [
    ...(whose ? [person] : []),
    { heading: t('column.program'), cell: (one) => <Program session={one} /> },
    { heading: t('column.address'), cell: (one) => <Inert text={one.address} /> },
    { heading: t('column.proof'), cell: (one) => one.methods.map((method) => word('method', method)).join(', ') },
    { heading: t('column.since'), cell: (one) => <Ago at={one.created_at} /> },
    { heading: t('column.seen'), cell: (one) => <Ago at={one.last_seen_at} /> },
    actions((one) => !one.current && <Act label={t('sessions.end')} name={`${one.email} ${one.address}`} act={() => end(one)} isDangerous />),
  ];
  return <Table caption={t('sessions.title')} columns={columns} rows={sessions} id={(one) => one.id} />;
}

function Program({ session: { current, kind, user_agent: agent } }: { session: SessionSummary }) {
  return (
    <span className="xdr-line">
      {current && <Label isCompact color="blue">{t('sessions.current')}</Label>}
      {kind !== 'browser' && <Label isCompact>{word('session.kind', kind)}</Label>}
      <span className="xdr-two-lines"><Inert text={agent === '' ? t('sessions.unnamed') : agent} /></span>
    </span>
  );
}
