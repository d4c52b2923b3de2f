import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { answer, api } from '../api/client';
import type { Incident } from '../api/schema';
import { openProposals, PROPOSALS } from '../governance/queries';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';

/** As the appliance knows it. */
const ACTION = 'incident.delete';

/** Asks for a second person to delete an incident with; nobody deletes one alone. */
export function DeletionPanel({ incident }: { incident: Incident }) {
  const [asking, setAsking] = useState(false);
  const { data } = useQuery(openProposals);
  const isAsked = data?.items.some((one) => one.action === ACTION && one.payload.incident_id === incident.id) ?? false;
  return (
    <Panel title={t('deletion.title')}>
      <p className="xdr-quiet">{t('deletion.about')}</p>
      {isAsked
        ? <p><Link to="/proposals">{t('deletion.asked')}</Link></p>
        : <p><Button size="sm" variant="secondary" isDanger onClick={() => setAsking(true)}>{t('deletion.ask')}</Button></p>}
      {asking && <DeletionDialog incident={incident} close={() => setAsking(false)} />}
    </Panel>
  );
}

function DeletionDialog({ incident, close }: { incident: Incident; close: () => void }) {
  const [reason, setReason] = useState('');
  const propose = useChange(() => answer(api.POST('/api/v1/proposals', {
    body: { action: ACTION, payload: { incident_id: incident.id }, reason: reason.trim() },
  })), [PROPOSALS], close);
  return (
    <FormDialog
      title={t('deletion.dialog', { number: String(incident.number) })} about={t('deletion.dialog.about')} confirm={t('deletion.ask')} isDangerous
      error={propose.error} busy={propose.isPending} incomplete={reason.trim() === ''} submit={() => propose.mutate(undefined)} cancel={close}
    >
      <Field label={t('proposals.reason')} value={reason} change={setReason} lines={4} required />
    </FormDialog>
  );
}
