import { Breadcrumb, BreadcrumbItem, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';

import type { EventDetail } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { fieldText, inertText } from '../evidence/inert';
import { Content } from '../frame/Content';
import { SeverityLabel } from '../incidents/badges';
import { t, word } from '../language/language';
import { formatBytes } from '../language/time';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { searchField } from './pivots';
import { eventDetail } from './queries';

/** One event: its fields as rules see them, and the original byte for byte. */
export function EventPage() {
  const { id = '' } = useParams();
  const query = useQuery(eventDetail(id));
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/events">{t('events.title')}</Link>} />
        <BreadcrumbItem isActive>{t('event.page')}</BreadcrumbItem>
      </Breadcrumb>
      <Heading title={t('event.page')} />
      <Loaded query={query} lines={10}>{(event) => <Shown event={event} />}</Loaded>
    </Content>
  );
}

function Shown({ event }: { event: EventDetail }) {
  return (
    <>
      <p className="xdr-lead xdr-mono"><Inert text={event.summary} /></p>
      <div className="xdr-incident">
        <div className="xdr-incident-story">
          <FieldsTable event={event} />
          <OriginalPanel event={event} />
        </div>
        <div className="xdr-incident-work">
          <EnvelopePanel event={event} />
          <MatchedPanel event={event} />
          <EntityList event={event} />
        </div>
      </div>
    </>
  );
}

function EnvelopePanel({ event }: { event: EventDetail }) {
  const rows: [string, React.ReactNode][] = [
    [t('event.time'), <Moment key="t" at={event.event_time} precise />],
    [t('event.received'), <Moment key="r" at={event.received_at} precise />],
    [t('column.host'), <Inert key="h" text={event.host ?? '–'} />],
    [t('event.source'), <Inert key="s" text={event.source?.name ?? '–'} />],
    [t('column.kind'), <Inert key="k" text={event.kind ?? '–'} />],
    [t('event.channel'), <Inert key="c" text={event.channel ?? '–'} />],
    [t('event.code'), <Inert key="e" text={event.code ?? '–'} />],
    [t('event.id'), <code key="i">{event.id}</code>],
  ];
  return (
    <Panel title={t('event.envelope')}>
      <dl className="xdr-facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </Panel>
  );
}

function FieldsTable({ event }: { event: EventDetail }) {
  const [text, setText] = useState('');
  const wanted = text.toLowerCase();
  const rows = Object.entries(event.fields)
    .map(([name, value]) => [name, fieldText(value)] as const)
    .filter(([name, value]) => name.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted))
    .sort(([left], [right]) => left.localeCompare(right));
  return (
    <Panel
      title={t('event.fields')}
      actions={<SearchInput aria-label={t('event.fields.filter')} placeholder={t('event.fields.filter')} value={text} onChange={(_, value) => setText(value)} onClear={() => setText('')} />}
    >
      <table className="xdr-table">
        <thead><tr><th scope="col">{t('event.field')}</th><th scope="col">{t('event.value')}</th></tr></thead>
        <tbody>
          {rows.map(([name, value]) => (
            <tr key={name}>
              <th scope="row"><Inert text={name} /></th>
              <td>
                <span className="xdr-mono"><Inert text={value} multiline /></span>{' '}
                <Link className="xdr-pivot" to={searchField(name, value, event.event_time)} aria-label={t('event.pivot.of', { field: inertText(name) })}>{t('event.pivot')}</Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p className="xdr-quiet">{t('event.fields.none')}</p>}
    </Panel>
  );
}

function OriginalPanel({ event }: { event: EventDetail }) {
  const { original } = event;
  return (
    <Panel
      title={t('event.original')}
      actions={<a href={`/api/v1/events/${encodeURIComponent(event.id)}/original`} download>{t('event.original.download', { size: formatBytes(original.size_bytes) })}</a>}
    >
      <p className="xdr-quiet">{original.format && `${t('event.original.format', { format: original.format })} `}{t('event.original.about')}</p>
      {original.text === null
        ? <p>{t('event.original.binary')}</p>
        : (
          // Scrolling content must be reachable by keyboard (WCAG 2.1.1).
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          <pre className="xdr-original" tabIndex={0} role="group" aria-label={t('event.original')}><Inert text={original.text} multiline /></pre>
        )}
    </Panel>
  );
}

function MatchedPanel({ event }: { event: EventDetail }) {
  return (
    <Panel title={t('event.findings')}>
      {event.findings.length === 0 && <p className="xdr-quiet">{t('event.findings.none')}</p>}
      <ul className="xdr-plain-list">
        {event.findings.map((one) => <li key={one.id} className="xdr-line"><SeverityLabel level={one.level} /> <Link to={`/rules/${encodeURIComponent(one.rule_id)}`}><Inert text={one.rule_title} /></Link></li>)}
      </ul>
    </Panel>
  );
}

function EntityList({ event }: { event: EventDetail }) {
  if (event.entities.length === 0) return null;
  return (
    <Panel title={t('entities.title')}>
      <ul className="xdr-plain-list">
        {event.entities.map((one) => (
          <li key={`${one.kind} ${one.value} ${one.role ?? ''}`} className="xdr-line">
            <span className="xdr-kind">{word('entity', one.kind)}</span> <Inert text={one.value} />
            {one.role && <span className="xdr-quiet">{word('role', one.role)}</span>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
