import { Button, Form, FormGroup, FormSelect, FormSelectOption, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Source } from '../api/schema';
import { t, word } from '../language/language';
import { Failure } from '../panels/Failure';
import { FORMATS } from './formats';
import { SOURCES } from './queries';

/** As the appliance demands it: the name is part of addresses. */
const NAME = /^[A-Za-z0-9._-]{1,100}$/;

export function AddSourceDialog({ added, cancel }: { added: (source: Source) => void; cancel: () => void }) {
  const [name, setName] = useState('');
  const [format, setFormat] = useState<string>(FORMATS[0]);
  const client = useQueryClient();
  const create = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/sources', { body: { name: name.trim(), format } })),
    onSuccess: async (source) => {
      await client.invalidateQueries({ queryKey: SOURCES });
      added(source);
    },
  });
  const isNamed = NAME.test(name.trim());
  const incomplete = !isNamed || create.isPending;
  return (
    <Modal variant="small" isOpen onClose={cancel} aria-labelledby="add-source-title">
      <ModalHeader title={t('sources.add')} description={t('sources.add.about')} labelId="add-source-title" />
      <ModalBody>
        {create.error && <Failure error={create.error} />}
        <Form id="add-source" onSubmit={(event) => { event.preventDefault(); if (!incomplete) create.mutate(); }}>
          <FormGroup label={t('sources.name')} fieldId="source-name" isRequired>
            <TextInput id="source-name" value={name} onChange={(_, value) => setName(value)} isRequired autoComplete="off" aria-describedby="source-name-help" validated={name === '' || isNamed ? 'default' : 'error'} />
            <p id="source-name-help" className="xdr-quiet">{t('sources.name.help')}</p>
          </FormGroup>
          <FormGroup label={t('sources.format')} fieldId="source-format">
            <FormSelect id="source-format" value={format} onChange={(_, value) => setFormat(value)}>
              {FORMATS.map((one) => <FormSelectOption key={one} value={one} label={word('format', one)} />)}
            </FormSelect>
          </FormGroup>
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form="add-source" isDisabled={incomplete} isLoading={create.isPending}>{t('sources.add.confirm')}</Button>
        <Button variant="link" onClick={cancel}>{t('cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}
