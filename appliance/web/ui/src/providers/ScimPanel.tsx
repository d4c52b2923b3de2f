import { Button, Label } from '@patternfly/react-core';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Provider } from '../api/identity';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Once } from '../panels/Once';
import { Panel } from '../panels/Panel';
import { PROVIDERS } from './queries';

/** The token by which a provider's client keeps accounts and groups (SCIM 2.0). */
export function ScimPanel({ provider: one }: { provider: Provider }) {
  const [asking, setAsking] = useState<'issue' | 'revoke' | null>(null);
  const [token, setToken] = useState<string | null>(null);
  const params = { path: { id: one.id } };
  return (
    <Panel title={t('scim.title')}>
      <p className="xdr-line">{t('scim.token')} <Label isCompact color={one.has_scim_token ? 'green' : 'grey'}>{t(one.has_scim_token ? 'factors.set_up' : 'scim.not_configured')}</Label></p>
      <p className="xdr-quiet">{t('scim.about')}</p>
      <p className="xdr-line">
        <Button size="sm" variant="secondary" onClick={() => setAsking('issue')}>{t('scim.issue')}</Button>
        {one.has_scim_token && <Button size="sm" variant="link" isDanger onClick={() => setAsking('revoke')}>{t('scim.revoke')}</Button>}
      </p>
      {asking === 'issue' && (
        <Ask keys={[PROVIDERS]} close={() => setAsking(null)} question={{
          title: t('scim.issue'), text: t('scim.issue.about'), confirm: t('scim.issue'),
          run: async () => setToken((await answer(api.POST('/api/v1/identity-providers/{id}/scim-token', { params }))).token),
        }} />
      )}
      {asking === 'revoke' && (
        <Ask keys={[PROVIDERS]} close={() => setAsking(null)} question={{
          title: t('scim.revoke'), text: t('scim.revoke.about'), confirm: t('scim.revoke'), isDangerous: true,
          run: () => answer(api.DELETE('/api/v1/identity-providers/{id}/scim-token', { params })),
        }} />
      )}
      {token !== null && <Once title={t('scim.title')} label={t('token.label')} secret={token} close={() => setToken(null)} />}
    </Panel>
  );
}
