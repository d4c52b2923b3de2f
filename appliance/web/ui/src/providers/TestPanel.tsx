import { Alert, Button, Label } from '@patternfly/react-core';

import { answer, api } from '../api/client';
import type { StepState, TestReport } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Failure } from '../panels/Failure';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';

const COLOURS: Record<StepState, 'green' | 'orange' | 'red' | 'grey'> = { ok: 'green', warning: 'orange', failed: 'red', not_run: 'grey' };

/** Tries every step that needs no person, and says of each what it said and what to do next. */
export function TestPanel({ id }: { id: string }) {
  const test = useChange(() => answer(api.POST('/api/v1/identity-providers/{id}/test', { params: { path: { id } } })), []);
  return (
    <Panel title={t('idp.test')} actions={<Button size="sm" variant="secondary" isLoading={test.isPending} isDisabled={test.isPending} onClick={() => test.mutate(undefined)}>{t('idp.test.start')}</Button>}>
      <div role="status">
        {test.error && <Failure error={test.error} />}
        {test.data ? <Steps report={test.data} /> : <p className="xdr-quiet">{t('idp.test.about')}</p>}
      </div>
    </Panel>
  );
}

function Steps({ report }: { report: TestReport }) {
  return (
    <>
      <Alert variant={report.ok ? 'success' : 'danger'} isInline component="h3" title={t(report.ok ? 'idp.test.ok' : 'idp.test.failed')} />
      <ol className="xdr-steps">
        {report.steps.map((one, place) => (
          <li key={place}>
            <span className="xdr-line"><strong><Inert text={one.name} /></strong> <Label isCompact color={COLOURS[one.state]}>{word('step.state', one.state)}</Label></span>
            {one.said !== '' && <p><Inert text={one.said} multiline /></p>}
            {one.next !== '' && <p>{t('idp.test.next')} <Inert text={one.next} multiline /></p>}
          </li>
        ))}
      </ol>
    </>
  );
}
