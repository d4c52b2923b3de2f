import { Breadcrumb, BreadcrumbItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import type { IncidentDetail, Why } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { inertText } from '../evidence/inert';
import { proposedSearch } from '../events/pivots';
import { Content } from '../frame/Content';
import { t, word } from '../language/language';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Ago, Moment } from '../panels/Time';
import { useMay } from '../session/session';
import { SeverityLabel, StatusLabel, Techniques } from './badges';
import { DeletionPanel } from './DeletionPanel';
import { EntitiesPanel } from './EntitiesPanel';
import { EvidencePanel } from './EvidencePanel';
import { FindingsPanel } from './FindingsPanel';
import { NotesPanel } from './NotesPanel';
import { incident } from './queries';
import { TimelinePanel } from './TimelinePanel';
import { WhyPanel } from './WhyPanel';
import { WorkPanel } from './WorkPanel';

/** One incident: why it exists, what happened, and the work on it. */
export function IncidentPage() {
  const { id = '' } = useParams();
  const query = useQuery(incident(id));
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/incidents">{t('incidents.title')}</Link>} />
        <BreadcrumbItem isActive>{query.data ? `#${query.data.body.number}` : '…'}</BreadcrumbItem>
      </Breadcrumb>
      {!query.data && <h1 className="pf-v6-screen-reader">{t('incident.page')}</h1>}
      <Loaded query={query} lines={12}>
        {({ body, etag }) => <Loose key={id} incident={body} etag={etag} />}
      </Loaded>
    </Content>
  );
}

function Loose({ incident: one, etag }: { incident: IncidentDetail; etag: string | null }) {
  const mayDelete = useMay('incidents:delete');
  return (
    <>
      <IncidentHead incident={one} />
      <div className="xdr-incident">
        <div className="xdr-incident-story">
          <WhyPanel why={one.why} />
          <TimelinePanel id={one.id} />
          <FindingsPanel id={one.id} />
        </div>
        <div className="xdr-incident-work">
          <WorkPanel incident={one} etag={etag} />
          <NextSteps why={one.why} />
          <NotesPanel id={one.id} />
          <EvidencePanel id={one.id} />
          <EntitiesPanel incident={one} />
          {mayDelete && <DeletionPanel incident={one} />}
        </div>
      </div>
    </>
  );
}

function IncidentHead({ incident: one }: { incident: IncidentDetail }) {
  return (
    <div className="xdr-incident-head">
      <title>{`#${one.number} ${inertText(one.title)} – ${t('product')}`}</title>
      <h1><span className="xdr-number">#{one.number}</span> <Inert text={one.title} /></h1>
      <p className="xdr-line">
        <SeverityLabel level={one.severity} /> <StatusLabel status={one.status} />
        <span>{t('incident.risk', { risk: one.risk })}</span>
        <span>{t('incidents.findings', { count: one.findings_count })}</span>
        <span>{t('incident.events', { count: one.events_count })}</span>
        <span className="xdr-quiet">{t('incident.seen')} <Moment at={one.first_event_at} /> – <Moment at={one.last_event_at} /> (<Ago at={one.last_event_at} />)</span>
      </p>
      {one.techniques.length > 0 && (
        <p className="xdr-line"><Techniques of={one.techniques} /></p>
      )}
      {one.tactics.length > 0 && (
        <p className="xdr-quiet">{t('incident.tactics')}: {one.tactics.map((tactic) => word('tactic', tactic)).join(' · ')}</p>
      )}
    </div>
  );
}

/** What to look at next; a step that the appliance can search for is a link to that search. */
function NextSteps({ why: { next_steps: steps, searches } }: { why: Why }) {
  const runnable = new Map(searches.map((one) => [one.title, proposedSearch(one)]));
  const all = [...new Set([...steps, ...runnable.keys()])];
  if (all.length === 0) return null;
  return (
    <Panel title={t('incident.next')}>
      <ol className="xdr-steps">
        {all.map((step) => <li key={step}><Step text={step} to={runnable.get(step)} /></li>)}
      </ol>
    </Panel>
  );
}

function Step({ text, to }: { text: string; to: string | undefined }) {
  return to === undefined ? <Inert text={text} /> : <Link to={to}><Inert text={text} /></Link>;
}
