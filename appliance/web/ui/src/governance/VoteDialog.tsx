import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Proposal } from '../api/governance';
import { INCIDENTS } from '../incidents/queries';
import { t, word } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { useToasts } from '../panels/Toasts';
import { useChange } from '../panels/useChange';
import type { Vote } from './ProposalsPage';
import { PROPOSALS } from './queries';

/** Decides about a proposal; approval names the payload that was read by its hash. */
export function VoteDialog({ vote, proposal, close }: { vote: Vote; proposal: Proposal; close: () => void }) {
  const [comment, setComment] = useState('');
  const toasts = useToasts();
  const params = { path: { id: proposal.id } };
  const send = useChange(() => vote === 'approve'
    ? answer(api.POST('/api/v1/proposals/{id}/approval', { params, body: { payload_hash: proposal.payload_hash, comment } }))
    : answer(api.POST('/api/v1/proposals/{id}/rejection', { params, body: { comment } })), [PROPOSALS, INCIDENTS], ({ state }) => {
    toasts.say('success', t('proposals.decided', { state: word('proposal.state', state) }));
    close();
  });
  const isApproval = vote === 'approve';
  return (
    <FormDialog
      title={t(isApproval ? 'proposals.approve' : 'proposals.decline')} about={t(isApproval ? 'proposals.approve.about' : 'proposals.decline.about', { action: word('proposal.action', proposal.action) })}
      confirm={t(isApproval ? 'proposals.approve' : 'proposals.decline')} isDangerous={isApproval} error={send.error} busy={send.isPending} submit={() => send.mutate(undefined)} cancel={close}
    >
      {isApproval && <p className="xdr-mono xdr-wrap">{proposal.payload_hash}</p>}
      <Field label={t('proposals.comment')} value={comment} change={setComment} lines={3} focus />
    </FormDialog>
  );
}
