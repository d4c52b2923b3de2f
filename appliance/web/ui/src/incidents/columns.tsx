import { Link } from 'react-router';

import type { Entity, Incident } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { inertText } from '../evidence/inert';
import { formatNumber, t, word } from '../language/language';
import { Ago } from '../panels/Time';
import type { Column } from '../rows/Grid';
import { SeverityLabel, StatusLabel, Techniques } from './badges';

/** Getters, because headings must follow the language in use. */
export const QUEUE_COLUMNS: readonly Column<Incident>[] = [
  { key: 'severity', get heading() { return t('column.severity'); }, cell: (one) => <SeverityLabel level={one.severity} /> },
  { key: 'risk', get heading() { return t('column.risk'); }, cell: (one) => <Risk risk={one.risk} /> },
  { key: 'title', get heading() { return t('column.incident'); }, cell: (one) => <Title incident={one} /> },
  { key: 'status', get heading() { return t('column.status'); }, cell: (one) => <StatusLabel status={one.status} /> },
  { key: 'entities', get heading() { return t('column.entities'); }, cell: (one) => <Entities of={one.entities} /> },
  { key: 'techniques', get heading() { return t('column.techniques'); }, cell: (one) => <Techniques of={one.techniques} short /> },
  { key: 'owner', get heading() { return t('column.owner'); }, cell: (one) => <Owner incident={one} /> },
  { key: 'last', get heading() { return t('column.last'); }, cell: (one) => <Ago at={one.last_event_at} /> },
];

function Title({ incident }: { incident: Incident }) {
  return (
    <>
      <Link to={`/incidents/${incident.id}`} className="xdr-title xdr-two-lines" tabIndex={-1} title={inertText(incident.title)}>
        <span className="xdr-number">#{incident.number}</span> <Inert text={incident.title} />
      </Link>
      <span className="xdr-quiet xdr-aside">{t('incidents.findings', { count: incident.findings_count })}</span>
    </>
  );
}

function Risk({ risk }: { risk: number }) {
  return <span className="xdr-risk"><span className="pf-v6-screen-reader">{t('column.risk')} </span>{formatNumber(risk)}</span>;
}

function Owner({ incident }: { incident: Incident }) {
  if (incident.owner === null) return <span className="xdr-quiet">{t('owner.none')}</span>;
  return <bdi>{incident.owner.name}</bdi>;
}

function Entities({ of }: { of: readonly Entity[] }) {
  const shown = of.filter((one) => !one.weak).slice(0, 2);
  return (
    <span className="xdr-entities">
      {shown.map((one, index) => (
        <span key={`${one.kind} ${one.value}`} className="xdr-entity">
          <span><span className="xdr-quiet">{word('entity', one.kind)}</span> <Inert text={one.value} /></span>
          {index === shown.length - 1 && of.length > shown.length && <span className="xdr-quiet">+{of.length - shown.length}</span>}
        </span>
      ))}
    </span>
  );
}
