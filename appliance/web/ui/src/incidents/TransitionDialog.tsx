import { Button, Form, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, TextArea, TextInput } from '@patternfly/react-core';
import { useState } from 'react';

import type { IncidentStatus } from '../api/schema';
import { t, word } from '../language/language';
import { CloseDialog } from './CloseDialog';
import { Refused } from './Refused';

interface TransitionDialogProps {
  to: IncidentStatus;
  needsReason: boolean;
  busy: boolean;
  error: Error | null;
  confirm: (reason: string | null, note: string | null) => void;
  cancel: () => void;
}

/** Asks for the reason where one is needed, and for a note always. What is written survives a refusal. */
export function TransitionDialog(props: TransitionDialogProps) {
  const { to, needsReason, busy, error, confirm, cancel } = props;
  const [reason, setReason] = useState('');
  const [note, setNote] = useState('');
  if (to === 'closed') {
    return (
      <CloseDialog
        count={1} busy={busy} onCancel={cancel} onClose={(why, text) => confirm(why, text === '' ? null : text)}
        error={error}
      />
    );
  }
  const incomplete = needsReason && reason.trim() === '';
  const submit = () => confirm(reason.trim() === '' ? null : reason.trim(), note === '' ? null : note);
  return (
    <Modal variant="small" isOpen onClose={cancel} aria-labelledby="transition-title">
      <ModalHeader title={t('transition.title', { state: word('incident.status', to) })} labelId="transition-title" />
      <ModalBody>
        {error && <Refused error={error} />}
        <Form id="transition-form" onSubmit={(event) => { event.preventDefault(); if (!incomplete) submit(); }}>
          {needsReason && (
            <FormGroup label={t('close.reason')} fieldId="transition-reason" isRequired>
              <TextInput id="transition-reason" value={reason} onChange={(_, value) => setReason(value)} isRequired />
            </FormGroup>
          )}
          <FormGroup label={t('close.note')} fieldId="transition-note">
            <TextArea id="transition-note" value={note} onChange={(_, value) => setNote(value)} resizeOrientation="vertical" rows={4} />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="transition-form" isDisabled={incomplete || busy} isLoading={busy}>{t('transition.confirm')}</Button>
        <Button variant="link" onClick={cancel}>{t('cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}
