import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';

import { answer, api } from '../api/client';
import type { ProviderKind } from '../api/identity';
import { Content } from '../frame/Content';
import { t, word } from '../language/language';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Nothing } from '../panels/Nothing';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';
import { configOf, draftOf, HAS_SECRET, isComplete, SETTINGS } from './config';
import { ProviderForm, type Written } from './ProviderForm';
import { Trail } from './Trail';
import { PROVIDERS } from './queries';

/** Sets a provider up; it is switched off until it was tested and is enabled. */
export function NewProviderPage() {
  const { kind = '' } = useParams();
  if (!Object.hasOwn(SETTINGS, kind)) return <Content><Heading title={t('unknown.title')} /><Nothing title={t('unknown.title')}>{t('unknown.advice')}</Nothing></Content>;
  return <Create key={kind} kind={kind as ProviderKind} />;
}

function Create({ kind }: { kind: ProviderKind }) {
  const [written, setWritten] = useState<Written>(() => ({ ...draftOf(kind, null), name: '', secret: '', shown: true }));
  const navigate = useNavigate();
  const title = t('idp.add.of', { kind: word('idp.kind', kind) });
  const create = useChange(() => answer(api.POST('/api/v1/identity-providers', {
    body: { name: written.name.trim(), config: configOf(kind, written), secret: written.secret, enabled: false, shown: written.shown },
  })), [PROVIDERS], ({ id }) => void navigate(`/identity-providers/${id}`));
  const isReady = written.name.trim() !== '' && isComplete(kind, written) && (!HAS_SECRET[kind] || written.secret !== '');
  return (
    <Content>
      <Trail here={title} />
      <Heading title={title} />
      <Panel title={t('idp.settings')}>
        <p className="xdr-quiet">{t('idp.add.about')}</p>
        {create.error && <Failure error={create.error} />}
        <ProviderForm kind={kind} written={written} change={setWritten} hasSecret={false} submit={() => { if (isReady) create.mutate(undefined); }}>
          <Button type="submit" isDisabled={!isReady || create.isPending} isLoading={create.isPending}>{t('idp.add.confirm')}</Button>
        </ProviderForm>
      </Panel>
    </Content>
  );
}
