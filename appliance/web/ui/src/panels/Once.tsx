import { Alert, Button, ClipboardCopy, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';

import { t } from '../language/language';

/** A secret that is shown this once, and never again by anything. */
export function Once({ title, label, secret, children, close }: { title: string; label: string; secret: string; children?: ReactNode; close: () => void }) {
  const id = useId();
  return (
    <Modal variant="small" isOpen onClose={close} aria-labelledby={id}>
      <ModalHeader title={title} labelId={id} />
      <ModalBody>
        <Alert variant="warning" isInline component="h2" title={t('once.title')} />
        <p className="xdr-label">{label}</p>
        <ClipboardCopy isReadOnly hoverTip={t('copy')} clickTip={t('copied')} textAriaLabel={label}>{secret}</ClipboardCopy>
        {children}
      </ModalBody>
      <ModalFooter><Button onClick={close}>{t('token.close')}</Button></ModalFooter>
    </Modal>
  );
}
