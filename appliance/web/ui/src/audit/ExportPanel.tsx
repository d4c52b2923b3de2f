import { Button, Form, FormGroup, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { download } from '../api/client';
import { saveBlob } from '../evidence/csv';
import { inertText } from '../evidence/inert';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Field } from '../panels/Field';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';
import { useMay } from '../session/session';
import { sourceList } from '../sources/queries';

/** The trail as a file for any verifier; with a source and a period also its events and their proof. */
export function ExportPanel() {
  const id = useId();
  const [source, setSource] = useState('');
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const sources = useQuery({ ...sourceList, enabled: useMay('sources:view'), refetchInterval: false });
  const make = useChange(async () => {
    const events = source === '' ? {} : { source_id: source, events_from: new Date(from).toISOString(), events_to: new Date(to).toISOString() };
    saveBlob('audit.xdr-audit', await download('/api/v1/audit/export', { after: 0, ...events }));
  }, []);
  const isPeriod = source === '' || (from !== '' && to !== '' && from < to);
  return (
    <Panel title={t('audit.export')}>
      <p className="xdr-quiet">{t('audit.export.about')}</p>
      {make.error && <Failure error={make.error} />}
      <Form onSubmit={(event) => { event.preventDefault(); if (isPeriod) make.mutate(undefined); }}>
        <FormGroup label={t('audit.export.source')} fieldId={`${id}source`}>
          <FormSelect id={`${id}source`} value={source} onChange={(_, value) => setSource(value)}>
            <FormSelectOption value="" label={t('audit.export.no_source')} />
            {sources.data?.items.map((one) => <FormSelectOption key={one.id} value={one.id} label={inertText(one.name)} />)}
          </FormSelect>
        </FormGroup>
        {source !== '' && (
          <>
            <Field label={t('audit.since')} value={from} change={setFrom} type="datetime-local" required />
            <Field label={t('audit.until')} value={to} change={setTo} type="datetime-local" required wrong={!isPeriod && to !== ''} />
          </>
        )}
        <p><Button type="submit" variant="secondary" isDisabled={!isPeriod || make.isPending} isLoading={make.isPending}>{t('audit.export.start')}</Button></p>
      </Form>
    </Panel>
  );
}
