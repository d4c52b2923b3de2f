import { Alert, Button, ClipboardCopy, FormGroup, Modal, ModalBody, ModalFooter, ModalHeader, Tab, Tabs, TabTitleText, TextInput } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Source } from '../api/schema';
import { inertText } from '../evidence/inert';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { useToasts } from '../panels/Toasts';
import { snippetsFor } from './snippets';

/** Makes a token for a source and shows it once, inside configuration that is ready to paste. */
export function TokenDialog({ source, close }: { source: Source; close: () => void }) {
  const create = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/sources/{id}/tokens', { params: { path: { id: source.id } }, body: {} })),
    // The secret must not outlive this dialog in any cache.
    gcTime: 0,
  });
  return (
    <Modal variant="medium" isOpen onClose={close} aria-labelledby="token-title">
      <ModalHeader title={t('token.title', { source: inertText(source.name) })} labelId="token-title" />
      <ModalBody>
        {create.error && <Failure error={create.error} />}
        {create.data ? <Shown token={create.data.token} ingestURL={create.data.ingest_url} source={source} /> : <p>{t('token.about')}</p>}
      </ModalBody>
      <ModalFooter>
        {!create.data && <Button onClick={() => create.mutate()} isDisabled={create.isPending} isLoading={create.isPending}>{t('token.create')}</Button>}
        <Button variant="link" onClick={close}>{t(create.data ? 'token.close' : 'cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}

function Shown({ token, ingestURL, source }: { token: string; ingestURL: string | undefined; source: Source }) {
  const [address, setAddress] = useState(ingestURL ?? window.location.origin);
  const [chosen, setChosen] = useState<string | number>('curl');
  const snippets = snippetsFor({ address, source: source.name, token });
  return (
    <>
      <Alert variant="warning" isInline component="h2" title={t('token.once')} />
      <p className="xdr-label" id="token-label">{t('token.label')}</p>
      <ClipboardCopy isReadOnly hoverTip={t('copy')} clickTip={t('copied')} textAriaLabel={t('token.label')}>{token}</ClipboardCopy>
      <FormGroup label={t('token.address')} fieldId="ingest-address">
        <TextInput id="ingest-address" type="url" value={address} onChange={(_, value) => setAddress(value)} validated={snippets.length === 0 ? 'error' : 'default'} />
      </FormGroup>
      <p className="xdr-quiet">{t('token.address.about')}</p>
      <Tabs activeKey={chosen} onSelect={(_, key) => setChosen(key)} aria-label={t('token.shippers')}>
        {snippets.map((one) => (
          <Tab key={one.shipper} eventKey={one.shipper} title={<TabTitleText>{one.shipper}</TabTitleText>}>
            <Configuration text={one.text} file={one.file} />
          </Tab>
        ))}
      </Tabs>
    </>
  );
}

function Configuration({ text, file }: { text: string; file: string }) {
  const toasts = useToasts();
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => toasts.say('success', t('copied')),
      () => toasts.say('warning', t('copy.failed')),
    );
  };
  return (
    <>
      {file !== '' && <p className="xdr-quiet"><code>{file}</code></p>}
      {/* Scrolling content must be reachable by keyboard (WCAG 2.1.1). */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="xdr-original" tabIndex={0} role="group" aria-label={t('token.configuration')}>{text}</pre>
      {window.isSecureContext && <Button size="sm" variant="secondary" onClick={copy}>{t('copy')}</Button>}
    </>
  );
}
