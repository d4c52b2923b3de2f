import { Button } from '@patternfly/react-core';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Provider } from '../api/identity';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Panel } from '../panels/Panel';
import { useToasts } from '../panels/Toasts';
import { useChange } from '../panels/useChange';
import { configOf, draftOf, isComplete } from './config';
import { ProviderForm, type Written } from './ProviderForm';
import { PROVIDERS } from './queries';

export function ChangePanel({ provider: one }: { provider: Provider }) {
  const toasts = useToasts();
  const [written, setWritten] = useState<Written>(() => ({ ...draftOf(one.kind, one.config), name: one.name, secret: '', shown: one.shown }));
  const save = useChange(() => answer(api.PATCH('/api/v1/identity-providers/{id}', {
    params: { path: { id: one.id } },
    body: { name: written.name.trim(), config: configOf(one.kind, written), shown: written.shown, ...(written.secret === '' ? {} : { secret: written.secret }) },
  })), [PROVIDERS], () => toasts.say('success', t('idp.saved')));
  const isReady = written.name.trim() !== '' && isComplete(one.kind, written);
  return (
    <Panel title={t('idp.settings')}>
      {save.error && <Failure error={save.error} />}
      <ProviderForm kind={one.kind} written={written} change={setWritten} hasSecret={one.has_secret} submit={() => { if (isReady) save.mutate(undefined); }}>
        <Button type="submit" isDisabled={!isReady || save.isPending} isLoading={save.isPending}>{t('idp.save')}</Button>
      </ProviderForm>
    </Panel>
  );
}
