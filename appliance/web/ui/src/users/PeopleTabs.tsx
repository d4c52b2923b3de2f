import { Tabs } from '../frame/Tabs';
import { t } from '../language/language';

const PAGES = [
  { to: '/users', label: 'users.title', permission: 'users:view' },
  { to: '/users/roles', label: 'roles.title', permission: 'users:view' },
  { to: '/users/sessions', label: 'sessions.title', permission: 'sessions:end' },
  { to: '/users/service-tokens', label: 'services.title', permission: 'service_tokens:edit' },
  { to: '/users/policy', label: 'policy.title', permission: 'users:view' },
] as const;

/** What there is about people, as far as one may see it. */
export function PeopleTabs() {
  return <Tabs label={t('users.pages')} pages={PAGES} />;
}
