import { Button } from '@patternfly/react-core';
import { Link } from 'react-router';

import type { Proposal } from '../api/governance';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Panel } from '../panels/Panel';
import { Ago, Moment } from '../panels/Time';
import { useSession } from '../session/session';
import type { Vote } from './ProposalsPage';

/** One proposal with its exact payload: what is read here is what is approved. */
export function ProposalPanel({ proposal: one, decide }: { proposal: Proposal; decide: (vote: Vote) => void }) {
  const { user } = useSession();
  const isOwn = one.proposed_by === user.email;
  return (
    <Panel title={word('proposal.action', one.action)}>
      <dl className="xdr-facts">
        <div><dt>{t('proposals.by')}</dt><dd><Inert text={one.proposed_by} />, <Ago at={one.proposed_at} /></dd></div>
        <div><dt>{t('proposals.reason')}</dt><dd><Inert text={one.reason} multiline /></dd></div>
        <div><dt>{t('proposals.payload')}</dt><dd><code><Inert text={JSON.stringify(one.payload)} /></code> <Subject proposal={one} /></dd></div>
        <div><dt>{t('proposals.hash')}</dt><dd className="xdr-mono">{one.payload_hash}</dd></div>
        <div><dt>{t('proposals.lapses')}</dt><dd><Moment at={one.expires_at} /></dd></div>
      </dl>
      <p className="xdr-line">
        {isOwn ? <span className="xdr-quiet">{t('proposals.own')}</span> : <Button size="sm" onClick={() => decide('approve')}>{t('proposals.approve')}</Button>}
        <Button size="sm" variant="secondary" onClick={() => decide('decline')}>{t(isOwn ? 'proposals.withdraw' : 'proposals.decline')}</Button>
      </p>
    </Panel>
  );
}

/** A way to look at what the action is about, before deciding. */
function Subject({ proposal: { payload } }: { proposal: Proposal }) {
  const { incident_id: incident } = payload;
  return typeof incident === 'string' ? <Link to={`/incidents/${encodeURIComponent(incident)}`}>{t('proposals.look')}</Link> : null;
}
