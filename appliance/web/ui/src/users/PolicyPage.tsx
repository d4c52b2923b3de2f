import { Checkbox, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';

import { answer, api } from '../api/client';
import type { Policy } from '../api/identity';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { useChange } from '../panels/useChange';
import { useMay } from '../session/session';
import { PeopleTabs } from './PeopleTabs';
import { POLICY, policy } from './queries';
import { SigningKeysPanel } from './SigningKeysPanel';

/** What the organisation demands at sign-in, and the keys that vouch for programs. */
export function PolicyPage() {
  const query = useQuery(policy);
  const maySeeKeys = useMay('keys:rotate');
  return (
    <Content>
      <Heading title={t('policy.title')} />
      <PeopleTabs />
      <Panel title={t('policy.demands')}>
        <Loaded query={query} lines={5}>{(chosen) => <Demands chosen={chosen} />}</Loaded>
      </Panel>
      {maySeeKeys && <SigningKeysPanel />}
    </Content>
  );
}

function Demands({ chosen }: { chosen: Policy }) {
  const id = useId();
  const mayEdit = useMay('policies:edit');
  const change = useChange((body: { profile?: string; mfa_required?: boolean; sso_enforced?: boolean }) => answer(api.PATCH('/api/v1/organisation/policy', { body })), [POLICY]);
  const isFixed = !mayEdit || change.isPending;
  return (
    <>
      {change.error && <Failure error={change.error} />}
      <p className="xdr-line">
        <label htmlFor={`${id}profile`}>{t('policy.profile')}</label>
        <FormSelect id={`${id}profile`} className="xdr-fit" value={chosen.profile} isDisabled={isFixed} onChange={(_, profile) => change.mutate({ profile })}>
          {Object.entries(chosen.profiles).map(([name, title]) => <FormSelectOption key={name} value={name} label={title} />)}
        </FormSelect>
      </p>
      <Checkbox id={`${id}mfa`} label={t('policy.mfa')} isChecked={chosen.mfa_required} isDisabled={isFixed} onChange={(_, wanted) => change.mutate({ mfa_required: wanted })} />
      <Checkbox id={`${id}sso`} label={t('policy.sso')} description={t('policy.sso.about')} isChecked={chosen.sso_enforced} isDisabled={isFixed} onChange={(_, wanted) => change.mutate({ sso_enforced: wanted })} />
      <dl className="xdr-facts">
        <div><dt>{t('policy.passwords')}</dt><dd>{t('policy.passwords.lengths', { alone: chosen.shortest_password, both: chosen.shortest_password_with_mfa })}</dd></div>
        <div><dt>{t('policy.sessions')}</dt><dd>{t('policy.sessions.lengths', { idle: chosen.idle_minutes, whole: chosen.absolute_hours })}</dd></div>
      </dl>
      {!mayEdit && <p className="xdr-quiet">{t('forbidden')}</p>}
    </>
  );
}
