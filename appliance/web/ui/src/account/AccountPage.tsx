import { Content } from '../frame/Content';
import { t, word } from '../language/language';
import { Heading } from '../panels/Heading';
import { Panel } from '../panels/Panel';
import { useMay, useSession } from '../session/session';
import { FactorsPanel } from './FactorsPanel';
import { OwnSessionsPanel } from './OwnSessionsPanel';
import { OwnTokensPanel } from './OwnTokensPanel';
import { PasskeysPanel } from './PasskeysPanel';
import { PasswordPanel } from './PasswordPanel';

/** One's own account: how one proves who one is, where one is signed in, and what acts in one's name. */
export function AccountPage() {
  const mayHaveTokens = useMay('tokens:own');
  return (
    <Content>
      <Heading title={t('account.title')} />
      <div className="xdr-columns">
        <Profile />
        <PasswordPanel />
        <FactorsPanel />
        <PasskeysPanel />
      </div>
      <OwnSessionsPanel />
      {mayHaveTokens && <OwnTokensPanel />}
    </Content>
  );
}

function Profile() {
  const { user, organisation, roles } = useSession();
  return (
    <Panel title={t('account.profile')}>
      <dl className="xdr-facts">
        <div><dt>{t('account.name')}</dt><dd><bdi>{user.name}</bdi></dd></div>
        <div><dt>{t('account.email')}</dt><dd><bdi>{user.email}</bdi></dd></div>
        <div><dt>{t('organisation')}</dt><dd><bdi>{organisation.name}</bdi></dd></div>
        <div><dt>{t('account.roles')}</dt><dd>{roles.map((role) => word('role', role)).join(', ')}</dd></div>
      </dl>
      <p className="xdr-quiet">{t('account.profile.about')}</p>
    </Panel>
  );
}
