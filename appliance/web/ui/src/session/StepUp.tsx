import { Button } from '@patternfly/react-core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { answer, api, goToSignIn } from '../api/client';
import type { Factors, Proof } from '../api/identity';
import { askWith } from '../api/stepUp';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { Loaded } from '../panels/Loaded';
import { factorState } from './factors';
import { answerWithPasskey, passkeysWork } from './passkeys';

type Settle = (proved: boolean) => void;

/** The one place where a person proves again who they are, whichever page wants it. */
export function StepUp() {
  const [settle, setSettle] = useState<Settle | null>(null);
  useEffect(() => askWith(() => new Promise((resolve) => setSettle(() => resolve))), []);
  if (settle === null) return null;
  return <StepUpDialog settle={(proved) => { setSettle(null); settle(proved); }} />;
}

function StepUpDialog({ settle }: { settle: Settle }) {
  const [text, setText] = useState('');
  const factors = useQuery(factorState);
  const prove = useMutation({
    mutationFn: async (proof: () => Proof | Promise<Proof>) => answer(api.POST('/api/v1/session/step-up', { body: await proof() })),
    onSuccess: () => settle(true),
    onError: () => setText(''),
    gcTime: 0,
  });
  const way = factors.data && typedWay(factors.data);
  return (
    <FormDialog
      title={t('stepup.title')} about={t('stepup.about')} confirm={t('stepup.confirm')} error={prove.error}
      busy={prove.isPending} incomplete={text === '' || !way} noSubmit={!way} cancel={() => settle(false)}
      submit={() => { if (way) prove.mutate(() => way === 'totp' ? { code: text.trim() } : { password: text }); }}
    >
      <Loaded query={factors} lines={2}>
        {(state) => (
          <>
            {state.passkeys.length > 0 && <PasskeyButton busy={prove.isPending} use={() => prove.mutate(passkeyProof)} />}
            {way === 'totp' && <Field label={t('stepup.code')} value={text} change={setText} autoComplete="one-time-code" inputMode="numeric" help={t('stepup.code.help')} focus />}
            {way === 'password' && <Field label={t('stepup.password')} value={text} change={setText} type="password" autoComplete="current-password" focus />}
            <p className="xdr-quiet">
              {t('stepup.otherwise')} <Button variant="link" isInline onClick={goToSignIn}>{t('stepup.again')}</Button>
            </p>
          </>
        )}
      </Loaded>
    </FormDialog>
  );
}

function PasskeyButton({ busy, use }: { busy: boolean; use: () => void }) {
  if (!passkeysWork()) return <p>{t('passkey.impossible')}</p>;
  return <p><Button variant="secondary" isDisabled={busy} onClick={use}>{t('stepup.passkey')}</Button></p>;
}

async function passkeyProof(): Promise<Proof> {
  const options = await answer(api.POST('/api/v1/session/step-up/options'));
  return { credential: await answerWithPasskey(options) };
}

/** What can be typed: a code where there is an app, else the password where nothing stronger is set up. */
function typedWay({ totp, passkeys, has_password: hasPassword }: Factors): 'totp' | 'password' | null {
  if (totp) return 'totp';
  return passkeys.length === 0 && hasPassword ? 'password' : null;
}
