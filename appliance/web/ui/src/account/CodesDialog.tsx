import { Alert, Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId } from 'react';

import { saveFile } from '../evidence/csv';
import { t } from '../language/language';

/** Recovery codes, which are shown this once. */
export function CodesDialog({ codes, close }: { codes: readonly string[]; close: () => void }) {
  const id = useId();
  return (
    <Modal variant="small" isOpen onClose={close} aria-labelledby={id}>
      <ModalHeader title={t('codes.title')} labelId={id} description={t('codes.about')} />
      <ModalBody>
        <Alert variant="warning" isInline component="h2" title={t('once.title')} />
        <ul className="xdr-codes">{codes.map((one) => <li key={one}><code>{one}</code></li>)}</ul>
      </ModalBody>
      <ModalFooter>
        <Button onClick={close}>{t('codes.close')}</Button>
        <Button variant="secondary" onClick={() => saveFile('recovery-codes.txt', `${codes.join('\n')}\n`, 'text/plain;charset=utf-8')}>{t('codes.save')}</Button>
      </ModalFooter>
    </Modal>
  );
}
