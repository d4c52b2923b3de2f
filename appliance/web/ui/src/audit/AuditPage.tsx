import { useInfiniteQuery } from '@tanstack/react-query';
import { useRef } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';

import type { AuditEntry } from '../api/audit';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Guard } from '../panels/Guard';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Moment } from '../panels/Time';
import { Grid, type Column } from '../rows/Grid';
import { useRows } from '../rows/useRows';
import { AuditFilterBar } from './AuditFilterBar';
import { AuditTabs } from './AuditTabs';
import { ActorName, OutcomeLabel } from './badges';
import { asAddress, readAuditFilters, type AuditFilters } from './filters';
import { auditEntries } from './queries';

/** Who did what and when, latest first. */
export function AuditPage() {
  const [address, setAddress] = useSearchParams();
  const filters = readAuditFilters(address);
  const first = useRef<HTMLInputElement>(null);
  return (
    <Content fills>
      <Heading title={t('audit.title')} />
      <AuditTabs />
      <AuditFilterBar filters={filters} change={(next) => setAddress(asAddress(next), { replace: true })} box={first} />
      <Guard><Entries filters={filters} onFilter={() => first.current?.focus()} /></Guard>
    </Content>
  );
}

function Entries({ filters, onFilter }: { filters: AuditFilters; onFilter: () => void }) {
  const list = useInfiniteQuery(auditEntries(filters));
  const navigate = useNavigate();
  const entries = list.data?.pages.flatMap((page) => page.items) ?? [];
  const open = (id: string) => void navigate(`/audit/${id}`);
  const rows = useRows(entries.map((one) => one.id), (effect) => {
    if (effect.do === 'open') open(effect.id);
    else if (effect.do === 'filter') onFilter();
    else return false;
    return true;
  });
  return (
    <Loaded query={list} lines={10}>
      {() => entries.length === 0
        ? <Nothing title={t('audit.none')}>{t('audit.none.advice')}</Nothing>
        : (
          <Grid
            label={t('audit.title')} layout="audit" columns={COLUMNS} rows={entries} active={rows.active} onActive={rows.activate} onOpen={open}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          />
        )}
    </Loaded>
  );
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { key: 'time', get heading() { return t('audit.at'); }, cell: (one) => <Moment at={one.at} precise /> },
  { key: 'title', get heading() { return t('audit.action'); }, cell: (one) => <Link to={`/audit/${one.id}`} className="xdr-title" tabIndex={-1}><Inert text={one.action} /></Link> },
  { key: 'outcome', get heading() { return t('audit.outcome'); }, cell: (one) => <OutcomeLabel outcome={one.outcome} /> },
  { key: 'actor', get heading() { return t('audit.actor'); }, cell: (one) => <ActorName actor={one.actor} /> },
  { key: 'subject', get heading() { return t('audit.subject'); }, cell: (one) => <span className="xdr-mono"><Inert text={one.subject ?? ''} /></span> },
  { key: 'seq', get heading() { return t('audit.record'); }, cell: (one) => one.record === null ? <span className="xdr-quiet">{t('audit.unsealed')}</span> : one.record.seq },
];
