import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Proposal } from '../api/governance';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { ProposalPanel } from './ProposalPanel';
import { openProposals } from './queries';
import { VoteDialog } from './VoteDialog';

export type Vote = 'approve' | 'decline';

/** What waits for a second person, as far as it concerns whoever looks. */
export function ProposalsPage() {
  const query = useQuery(openProposals);
  const [voting, setVoting] = useState<{ vote: Vote; proposal: Proposal } | null>(null);
  return (
    <Content>
      <Heading title={t('proposals.title')} />
      <p className="xdr-quiet">{t('proposals.about')}</p>
      <Loaded query={query} lines={4}>
        {({ items }) => items.length === 0
          ? <Nothing title={t('proposals.none')}>{t('proposals.none.advice')}</Nothing>
          : items.map((one) => <ProposalPanel key={one.id} proposal={one} decide={(vote) => setVoting({ vote, proposal: one })} />)}
      </Loaded>
      {voting && <VoteDialog {...voting} close={() => setVoting(null)} />}
    </Content>
  );
}
