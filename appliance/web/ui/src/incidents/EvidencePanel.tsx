import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { answer, api } from '../api/client';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { useToasts } from '../panels/Toasts';
import { useMay } from '../session/session';
import { changesOf, evidence, INCIDENTS } from './queries';

/** Events kept beyond retention because somebody said why they matter. */
export function EvidencePanel({ id }: { id: string }) {
  const query = useQuery(evidence(id));
  return (
    <Panel title={t('evidence.title')}>
      <Loaded query={query} lines={2}>
        {({ items }) => items.length === 0 ? <p className="xdr-quiet">{t('evidence.none')}</p> : (
          <ul className="xdr-plain-list">
            {items.map((one) => (
              <li key={one.id} className="xdr-note">
                <p><Link to={`/events/${one.event_id}`}>{t('evidence.event')}</Link>: <Inert text={one.reason} /></p>
                <p className="xdr-quiet">{one.by && <bdi>{one.by.name}</bdi>} · <Moment at={one.at} /></p>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}

interface PinProps { incident: string; event: string; about: string }

export function PinButton({ incident, event, about }: PinProps) {
  const [open, setOpen] = useState(false);
  if (!useMay('events:pin')) return null;
  return (
    <>
      <Button size="sm" variant="link" isInline onClick={() => setOpen(true)} aria-label={t('evidence.pin.of', { about })}>{t('evidence.pin')}</Button>
      {open && <PinDialog incident={incident} event={event} about={about} close={() => setOpen(false)} />}
    </>
  );
}

function PinDialog({ incident, event, about, close }: PinProps & { close: () => void }) {
  const [reason, setReason] = useState(about);
  const client = useQueryClient();
  const toasts = useToasts();
  const pin = useMutation({
    mutationKey: changesOf(incident),
    mutationFn: () => answer(api.POST('/api/v1/incidents/{id}/evidence', {
      params: { path: { id: incident } }, body: { event_id: event, reason },
    })),
    onSuccess: () => {
      toasts.say('success', t('evidence.pinned'));
      close();
      return client.invalidateQueries({ queryKey: [...INCIDENTS, 'one', incident] });
    },
  });
  return (
    <Modal variant="small" isOpen onClose={close} aria-labelledby="pin-title">
      <ModalHeader title={t('evidence.pin.title')} description={t('evidence.pin.about')} labelId="pin-title" />
      <ModalBody>
        {pin.error && <Failure error={pin.error} />}
        <Form id="pin-form" onSubmit={(submitted) => { submitted.preventDefault(); pin.mutate(); }}>
          <FormGroup label={t('evidence.pin.reason')} fieldId="pin-reason" isRequired>
            <TextInput id="pin-reason" value={reason} onChange={(_, value) => setReason(value)} isRequired />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="pin-form" isDisabled={reason.trim() === '' || pin.isPending} isLoading={pin.isPending}>{t('evidence.pin')}</Button>
        <Button variant="link" onClick={close}>{t('cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}
