import { Tabs } from '../frame/Tabs';
import { t } from '../language/language';

const PAGES = [
  { to: '/audit', label: 'audit.entries', permission: 'audit:view' },
  { to: '/audit/verification', label: 'verify.title', permission: 'audit:view' },
  { to: '/audit/checkpoints', label: 'checkpoints.title', permission: 'audit:view' },
] as const;

export function AuditTabs() {
  return <Tabs label={t('audit.pages')} pages={PAGES} />;
}
