import { Alert, Button, Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Factors } from '../api/identity';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Failure } from '../panels/Failure';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';
import { FACTORS, factorState } from '../session/factors';
import { CodesDialog } from './CodesDialog';
import { EnrolDialog } from './EnrolDialog';

/** Fewer recovery codes than this, and it is time for new ones. */
const FEW_CODES = 3;

/** The authenticator app, and the recovery codes that stand in for it. */
export function FactorsPanel() {
  const query = useQuery(factorState);
  return (
    <Panel title={t('factors.title')}>
      <Loaded query={query} lines={2}>{(state) => <State state={state} />}</Loaded>
    </Panel>
  );
}

function State({ state }: { state: Factors }) {
  const [enrolling, setEnrolling] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [codes, setCodes] = useState<string[] | null>(null);
  const renew = useChange(() => answer(api.POST('/api/v1/account/recovery-codes')), [FACTORS], (made) => setCodes(made.recovery_codes));
  return (
    <>
      <p className="xdr-line">
        {t('factors.app')}
        <Label isCompact color={state.totp ? 'green' : 'grey'}>{t(state.totp ? 'factors.set_up' : 'factors.not_set_up')}</Label>
      </p>
      {state.required && <p className="xdr-quiet">{t('factors.required')}</p>}
      <p className="xdr-line">
        <Button size="sm" variant="secondary" onClick={() => setEnrolling(true)}>{t(state.totp ? 'factors.renew' : 'factors.enrol')}</Button>
        {state.totp && <Button size="sm" variant="link" isDanger onClick={() => setRemoving(true)}>{t('factors.remove')}</Button>}
      </p>
      {state.totp && (
        <>
          <p className="xdr-line">
            {t('factors.codes', { count: state.recovery_codes_left })}
            <Button size="sm" variant="secondary" isLoading={renew.isPending} isDisabled={renew.isPending} onClick={() => renew.mutate(undefined)}>{t('factors.codes.renew')}</Button>
          </p>
          {state.recovery_codes_left < FEW_CODES && <Alert variant="warning" isInline isPlain component="p" title={t('factors.codes.few')} />}
        </>
      )}
      {renew.error && <Failure error={renew.error} />}
      {enrolling && <EnrolDialog close={() => setEnrolling(false)} done={(made) => { setEnrolling(false); setCodes(made); }} />}
      {codes && <CodesDialog codes={codes} close={() => setCodes(null)} />}
      {removing && (
        <Ask keys={[FACTORS]} close={() => setRemoving(false)} question={{
          title: t('factors.remove'), text: t('factors.remove.about'), confirm: t('factors.remove'), isDangerous: true,
          run: () => answer(api.DELETE('/api/v1/account/totp')),
        }} />
      )}
    </>
  );
}
