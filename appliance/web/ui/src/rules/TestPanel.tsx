import { Alert, Button, Form, FormGroup, TextArea } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import { Inert } from '../evidence/Inert';
import { Clauses } from '../incidents/WhyPanel';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Panel } from '../panels/Panel';
import { useMay } from '../session/session';

/** Tries the rule on an event, by the engine that matches live. */
export function TestPanel({ text }: { text: string }) {
  const [event, setEvent] = useState('');
  const parsed = jsonOrNull(event);
  const test = useMutation({
    mutationFn: (value: unknown) => answer(api.POST('/api/v1/rules/test', { body: { text, event: value } })),
  });
  if (!useMay('rules:test')) return null;
  return (
    <Panel title={t('test.title')}>
      <Form onSubmit={(submitted) => { submitted.preventDefault(); if (parsed) test.mutate(parsed); }}>
        <FormGroup label={t('test.event')} fieldId="test-event">
          <TextArea
            id="test-event" value={event} rows={5} resizeOrientation="vertical" className="xdr-mono" spellCheck={false}
            onChange={(_, value) => { setEvent(value); test.reset(); }} validated={event !== '' && parsed === null ? 'error' : 'default'}
          />
        </FormGroup>
        {event !== '' && parsed === null && <p className="xdr-query-error">{t('test.not_json')}</p>}
        <div><Button type="submit" size="sm" variant="secondary" isDisabled={parsed === null || test.isPending} isLoading={test.isPending}>{t('test.run')}</Button></div>
      </Form>
      <div aria-live="polite">
        {test.error && <Failure error={test.error} />}
        {test.data && (
          <Alert variant={test.data.matched ? 'success' : 'info'} isInline component="h3" title={t(test.data.matched ? 'test.matched' : 'test.unmatched')}>
            {test.data.problems.map((one, index) => <p key={index}><Inert text={[one.reason, one.detail].filter(Boolean).join(': ')} /></p>)}
            <Clauses of={test.data.clauses} />
          </Alert>
        )}
      </div>
    </Panel>
  );
}

function jsonOrNull(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
