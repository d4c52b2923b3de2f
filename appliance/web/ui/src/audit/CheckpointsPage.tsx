import { Button, Label } from '@patternfly/react-core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';

import type { AuditKey, Checkpoint } from '../api/audit';
import { saveFile } from '../evidence/csv';
import { Content } from '../frame/Content';
import { formatNumber, t, word } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Table, type TableColumn } from '../panels/Table';
import { Moment } from '../panels/Time';
import { AuditTabs } from './AuditTabs';
import { auditCheckpoints, auditKeys } from './queries';

/** The signed states of the trail, to be kept elsewhere, and the keys that sign it. */
export function CheckpointsPage() {
  const list = useInfiniteQuery(auditCheckpoints);
  const keys = useQuery(auditKeys);
  const found = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Content>
      <Heading title={t('checkpoints.title')} />
      <AuditTabs />
      <Panel title={t('checkpoints.title')} actions={found.length > 0 && <Button size="sm" variant="secondary" onClick={() => keep(found)}>{t('checkpoints.keep')}</Button>}>
        <p className="xdr-quiet">{t('checkpoints.about')}</p>
        <Loaded query={list} lines={4}>
          {() => found.length === 0
            ? <p>{t('checkpoints.none')}</p>
            : <Table caption={t('checkpoints.title')} columns={checkpointColumns()} rows={found} id={(one) => String(one.number)} />}
        </Loaded>
        {list.hasNextPage && <p><Button variant="link" isInline isLoading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button></p>}
      </Panel>
      <Panel title={t('audit.keys')}>
        <p className="xdr-quiet">{t('audit.keys.about')}</p>
        <Loaded query={keys} lines={2}>
          {({ items }) => items.length === 0
            ? <p>{t('audit.keys.none')}</p>
            : <Table caption={t('audit.keys')} columns={keyColumns()} rows={items} id={(one) => one.fingerprint} />}
        </Loaded>
      </Panel>
    </Content>
  );
}

/** One a line, as verifiers read them. */
function keep(found: readonly Checkpoint[]): void {
  const lines = found.map(({ checkpoint, signature }) => JSON.stringify({ checkpoint, signature }));
  saveFile('checkpoints.jsonl', `${lines.join('\n')}\n`, 'application/jsonl;charset=utf-8');
}

function checkpointColumns(): TableColumn<Checkpoint>[] {
  return [
    { heading: t('checkpoints.number'), cell: (one) => formatNumber(one.number) },
    { heading: t('checkpoints.size'), cell: (one) => formatNumber(one.size) },
    { heading: t('audit.at'), cell: (one) => <Moment at={one.at} /> },
    { heading: t('column.key'), cell: (one) => <code>{one.key.slice(0, 16)}…</code> },
    { heading: t('audit.signature'), cell: (one) => <code className="xdr-wrap">{one.signature}</code> },
  ];
}

function keyColumns(): TableColumn<AuditKey>[] {
  return [
    { heading: t('audit.fingerprint'), cell: (one) => <code className="xdr-wrap">{one.fingerprint}</code> },
    { heading: t('column.state'), cell: (one) => <Label isCompact color={one.state === 'active' ? 'green' : 'grey'}>{word('key.state', one.state)}</Label> },
    { heading: t('audit.keys.since'), cell: (one) => <Moment at={one.activated_at} /> },
    { heading: t('audit.keys.until'), cell: (one) => <Moment at={one.retired_at} /> },
  ];
}
