import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import type { Source } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { formatNumber, t } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Ago } from '../panels/Time';
import { useMay } from '../session/session';
import { AddSourceDialog } from './AddSourceDialog';
import { SourceStateLabel } from './badges';
import { sourceList } from './queries';
import { TokenDialog } from './TokenDialog';

/** A skew below this is the ordinary disagreement of clocks. */
const SKEW_WORTH_SAYING_SECONDS = 5;

/** Where telemetry comes from, whether it does, and how to connect more. */
export function SourcesPage() {
  const query = useQuery(sourceList);
  const may = useMay('sources:edit');
  const [adding, setAdding] = useState(false);
  const [tokenFor, setTokenFor] = useState<Source | null>(null);
  return (
    <Content>
      <Heading title={t('sources.title')}>
        <p className="xdr-line">
          <Link to="/sources/quarantine">{t('quarantine.title')}</Link>
          {may && <Button size="sm" onClick={() => setAdding(true)}>{t('sources.add')}</Button>}
        </p>
      </Heading>
      <Loaded query={query} lines={6}>
        {({ items }) => items.length === 0
          ? <Nothing title={t('sources.none')}>{t('sources.none.advice')}</Nothing>
          : <SourceTable sources={items} onToken={may ? setTokenFor : null} />}
      </Loaded>
      {adding && <AddSourceDialog cancel={() => setAdding(false)} added={(source) => { setAdding(false); setTokenFor(source); }} />}
      {tokenFor && <TokenDialog source={tokenFor} close={() => setTokenFor(null)} />}
    </Content>
  );
}

function SourceTable({ sources, onToken }: { sources: readonly Source[]; onToken: ((source: Source) => void) | null }) {
  return (
    <table className="xdr-table xdr-table-cards">
      <caption className="pf-v6-screen-reader">{t('sources.title')}</caption>
      <thead>
        <tr>
          <th scope="col">{t('column.source')}</th><th scope="col">{t('column.state')}</th><th scope="col">{t('column.last')}</th>
          <th scope="col">{t('column.rate')}</th><th scope="col">{t('column.events_24h')}</th><th scope="col">{t('column.trouble')}</th>
          {onToken && <th scope="col"><span className="pf-v6-screen-reader">{t('column.actions')}</span></th>}
        </tr>
      </thead>
      <tbody>
        {sources.map((one) => (
          <tr key={one.id}>
            <th scope="row"><Inert text={one.name} /><span className="xdr-quiet xdr-findings"><Inert text={one.format} /></span></th>
            <td data-label={t('column.state')}><SourceStateLabel state={one.state} /></td>
            <td data-label={t('column.last')}><Ago at={one.last_event_at} /></td>
            <td data-label={t('column.rate')}>{t('sources.rate', { rate: one.rate_per_second })}</td>
            <td data-label={t('column.events_24h')}>{formatNumber(one.events_24h)}</td>
            <td data-label={t('column.trouble')}><Trouble source={one} /></td>
            {onToken && (
              <td>
                <Button size="sm" variant="link" isInline onClick={() => onToken(one)} aria-label={t('token.new.of', { source: one.name })}>{t('token.new')}</Button>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Everything about a source that somebody should know, each as a sentence. */
function Trouble({ source }: { source: Source }) {
  const { detail, clock_skew_seconds: skew, lost_datagrams: lost, quarantined } = source;
  const isSkewed = skew !== null && Math.abs(skew) >= SKEW_WORTH_SAYING_SECONDS;
  if (!detail && !isSkewed && !lost && quarantined === 0) return <span className="xdr-quiet">{t('sources.no_trouble')}</span>;
  return (
    <ul className="xdr-plain-list">
      {detail && <li><Inert text={detail} multiline /></li>}
      {isSkewed && <li>{t(skew > 0 ? 'sources.ahead' : 'sources.behind', { seconds: Math.abs(skew) })}</li>}
      {lost !== null && lost > 0 && <li>{t('sources.lost', { count: lost })}</li>}
      {quarantined > 0 && <li><Link to={`/sources/quarantine?source=${encodeURIComponent(source.id)}`}>{t('sources.quarantined', { count: quarantined })}</Link></li>}
    </ul>
  );
}
