import { Breadcrumb, BreadcrumbItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import type { AuditEntry, ChainRecord } from '../api/audit';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { t, word } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { ActorName, OutcomeLabel } from './badges';
import { ProofLine } from './ProofLine';
import { auditEntry } from './queries';

/** One entry: for people, to the byte, and whether it is what was sealed. */
export function EntryPage() {
  const { id = '' } = useParams();
  const query = useQuery(auditEntry(id));
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/audit">{t('audit.title')}</Link>} />
        <BreadcrumbItem isActive>{query.data?.entry.action ?? '…'}</BreadcrumbItem>
      </Breadcrumb>
      <Heading title={query.data?.entry.action ?? t('audit.entry')} />
      <Loaded query={query} lines={10}>
        {(proved) => (
          <>
            <ProofLine proved={proved} />
            <div className="xdr-columns">
              <Said entry={proved.entry} />
              {proved.entry.record && <Sealed record={proved.entry.record} />}
            </div>
            <Panel title={t('audit.detail')}><Exact text={JSON.stringify(proved.entry.detail, null, 2)} label={t('audit.detail')} /></Panel>
            <Panel title={t('audit.body')}>
              <p className="xdr-quiet">{t('audit.body.about')}</p>
              <Exact text={proved.entry.body} label={t('audit.body')} />
            </Panel>
          </>
        )}
      </Loaded>
    </Content>
  );
}

function Said({ entry: { id, at, action, outcome, subject, actor } }: { entry: AuditEntry }) {
  return (
    <Panel title={t('audit.said')}>
      <dl className="xdr-facts">
        <div><dt>{t('audit.at')}</dt><dd><Moment at={at} precise /><span className="xdr-findings xdr-mono xdr-quiet">{at}</span></dd></div>
        <div><dt>{t('audit.action')}</dt><dd className="xdr-mono"><Inert text={action} /></dd></div>
        <div><dt>{t('audit.outcome')}</dt><dd><OutcomeLabel outcome={outcome} /></dd></div>
        <div><dt>{t('audit.subject')}</dt><dd className="xdr-mono">{subject === null ? '–' : <Link to={`/audit?subject=${encodeURIComponent(subject)}`}><Inert text={subject} /></Link>}</dd></div>
        <div><dt>{t('audit.actor')}</dt><dd>{actor.id === null ? <ActorName actor={actor} /> : <Link to={`/audit?by=${encodeURIComponent(actor.id)}`}><ActorName actor={actor} /></Link>} <span className="xdr-quiet">{word('audit.kind', actor.kind)}</span></dd></div>
        <div><dt>{t('column.address')}</dt><dd className="xdr-mono">{actor.address === null ? t('audit.erased') : <Inert text={actor.address === '' ? '–' : actor.address} />}</dd></div>
        <div><dt>{t('audit.session')}</dt><dd className="xdr-mono">{actor.session ?? '–'}</dd></div>
        <div><dt>{t('audit.id')}</dt><dd className="xdr-mono">{id}</dd></div>
      </dl>
    </Panel>
  );
}

function Sealed({ record }: { record: ChainRecord }) {
  return (
    <Panel title={t('audit.place')}>
      <dl className="xdr-facts">
        <div><dt>{t('audit.record')}</dt><dd>{record.seq}</dd></div>
        <div><dt>{t('audit.sealed_at')}</dt><dd><Moment at={new Date(record.sealed_at_us / 1000).toISOString()} precise /></dd></div>
        <div><dt>{t('audit.leaf')}</dt><dd className="xdr-mono">{record.leaf}</dd></div>
        <div><dt>{t('audit.head')}</dt><dd className="xdr-mono">{record.head}</dd></div>
        <div><dt>{t('audit.signature')}</dt><dd className="xdr-mono">{record.signature}</dd></div>
      </dl>
    </Panel>
  );
}

function Exact({ text, label }: { text: string; label: string }) {
  // Scrolling content must be reachable by keyboard (WCAG 2.1.1).
  // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  return <pre className="xdr-original" tabIndex={0} role="group" aria-label={label}><Inert text={text} multiline /></pre>;
}
