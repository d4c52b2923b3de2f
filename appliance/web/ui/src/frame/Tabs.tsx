import { Link, useLocation } from 'react-router';

import { t, type MessageKey } from '../language/language';
import { useSession } from '../session/session';

export interface TabPage { to: string; label: MessageKey; permission: string }

/** Pages that belong together, as links; only those that one may see. */
export function Tabs({ label, pages }: { label: string; pages: readonly TabPage[] }) {
  const { pathname } = useLocation();
  const { permissions } = useSession();
  return (
    <nav aria-label={label} className="xdr-tabs">
      {pages.filter((one) => permissions.includes(one.permission)).map((one) => (
        <Link key={one.to} to={one.to} {...(pathname === one.to ? { 'aria-current': 'page' as const } : {})}>{t(one.label)}</Link>
      ))}
    </nav>
  );
}
