import { Button, Form, FormGroup, FormSelect, FormSelectOption, Modal, ModalBody, ModalFooter, ModalHeader, TextArea } from '@patternfly/react-core';
import { useState } from 'react';

import type { CloseReason } from '../api/schema';
import { t, word } from '../language/language';
import { Refused } from './Refused';

export const CLOSE_REASONS: readonly CloseReason[] = ['true_positive', 'false_positive', 'benign', 'duplicate', 'test'];

interface CloseDialogProps {
  count: number;
  busy?: boolean;
  error?: Error | null;
  onClose: (reason: CloseReason, note: string) => void;
  onCancel: () => void;
}

/** Asks why before incidents are closed; there is no default, a verdict is somebody's decision. */
export function CloseDialog({ count, busy = false, error = null, onClose, onCancel }: CloseDialogProps) {
  const [reason, setReason] = useState<CloseReason | ''>('');
  const [note, setNote] = useState('');
  return (
    <Modal variant="small" isOpen onClose={onCancel} aria-labelledby="close-title">
      <ModalHeader title={t('close.title', { count })} labelId="close-title" />
      <ModalBody>
        {error && <Refused error={error} />}
        <Form id="close-form" onSubmit={(event) => { event.preventDefault(); if (reason !== '') onClose(reason, note); }}>
          <FormGroup label={t('close.reason')} fieldId="close-reason" isRequired>
            <FormSelect id="close-reason" value={reason} onChange={(_, value) => setReason(value as CloseReason)} isRequired>
              <FormSelectOption value="" label={t('close.choose')} isPlaceholder isDisabled />
              {CLOSE_REASONS.map((one) => <FormSelectOption key={one} value={one} label={word('close.reason', one)} />)}
            </FormSelect>
          </FormGroup>
          <FormGroup label={t('close.note')} fieldId="close-note">
            <TextArea id="close-note" value={note} onChange={(_, value) => setNote(value)} resizeOrientation="vertical" rows={4} />
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="close-form" isDisabled={reason === '' || busy} isLoading={busy}>{t('close.confirm')}</Button>
        <Button variant="link" onClick={onCancel}>{t('cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}
