import { Alert, Button, ClipboardCopy } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';

import { answer, api } from '../api/client';
import type { Provider } from '../api/identity';
import { inertText } from '../evidence/inert';
import { Content } from '../frame/Content';
import { formatNumber, t, word } from '../language/language';
import { Ask } from '../panels/Ask';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { useChange } from '../panels/useChange';
import { useMay } from '../session/session';
import { ChangePanel } from './ChangePanel';
import { EnabledLabel, Warnings } from './ProvidersPage';
import { provider, PROVIDERS } from './queries';
import { ScimPanel } from './ScimPanel';
import { TestPanel } from './TestPanel';
import { Trail } from './Trail';

/** One provider: what it needs to be told, whether it works, and its settings. */
export function ProviderPage() {
  const { id = '' } = useParams();
  const query = useQuery(provider(id));
  const mayEdit = useMay('identity_providers:edit');
  const name = query.data?.name ?? '…';
  return (
    <Content>
      <Trail here={name} />
      <Heading title={inertText(name)} />
      <Loaded query={query} lines={10}>
        {(one) => (
          <>
            <div className="xdr-columns">
              <State provider={one} mayEdit={mayEdit} />
              <Addresses addresses={one.addresses} />
              {mayEdit && <ScimPanel provider={one} />}
            </div>
            {mayEdit && <TestPanel id={one.id} />}
            {mayEdit && <ChangePanel key={one.changed_at} provider={one} />}
          </>
        )}
      </Loaded>
    </Content>
  );
}

function State({ provider: one, mayEdit }: { provider: Provider; mayEdit: boolean }) {
  const [removing, setRemoving] = useState(false);
  const navigate = useNavigate();
  const params = { path: { id: one.id } };
  const toggle = useChange(() => answer(api.PATCH('/api/v1/identity-providers/{id}', { params, body: { enabled: !one.enabled } })), [PROVIDERS]);
  return (
    <Panel title={t('column.state')}>
      {toggle.error && <Failure error={toggle.error} />}
      <dl className="xdr-facts">
        <div><dt>{t('column.kind')}</dt><dd>{word('idp.kind', one.kind)}</dd></div>
        <div><dt>{t('column.state')}</dt><dd><EnabledLabel isEnabled={one.enabled} /></dd></div>
        <div><dt>{t('idp.people')}</dt><dd>{formatNumber(one.people)}</dd></div>
        <div><dt>{t('idp.valid_until')}</dt><dd>{one.facts.valid_until === null ? '–' : <Moment at={one.facts.valid_until} />}</dd></div>
        <div><dt>{t('column.trouble')}</dt><dd><Warnings of={one} /></dd></div>
      </dl>
      {one.config.group_roles.length === 0 && <Alert variant="warning" isInline isPlain component="p" title={t('idp.no_groups')} />}
      {mayEdit && (
        <p className="xdr-line">
          <Button size="sm" variant={one.enabled ? 'secondary' : 'primary'} isDisabled={toggle.isPending} isLoading={toggle.isPending} onClick={() => toggle.mutate(undefined)}>{t(one.enabled ? 'idp.disable' : 'idp.enable')}</Button>
          <Button size="sm" variant="link" isDanger onClick={() => setRemoving(true)}>{t('idp.remove')}</Button>
        </p>
      )}
      {removing && (
        <Ask keys={[[...PROVIDERS, 'all']]} close={() => setRemoving(false)} question={{
          title: t('idp.remove'), text: t('idp.remove.about', { name: inertText(one.name), count: one.people }), confirm: t('idp.remove'), isDangerous: true,
          run: async () => {
            await answer(api.DELETE('/api/v1/identity-providers/{id}', { params }));
            void navigate('/identity-providers');
          },
        }} />
      )}
    </Panel>
  );
}

/** What the other side must be told. */
function Addresses({ addresses }: { addresses: Provider['addresses'] }) {
  const all = Object.entries(addresses);
  if (all.length === 0) return null;
  return (
    <Panel title={t('idp.addresses')}>
      <p className="xdr-quiet">{t('idp.addresses.about')}</p>
      {all.map(([name, address]) => (
        <div key={name}>
          <p className="xdr-label">{word('idp.address', name)}</p>
          <ClipboardCopy isReadOnly hoverTip={t('copy')} clickTip={t('copied')} textAriaLabel={word('idp.address', name)} toggleAriaLabel={word('idp.address', name)}>{address}</ClipboardCopy>
        </div>
      ))}
    </Panel>
  );
}
