import { Label } from '@patternfly/react-core';
import { Link } from 'react-router';

import type { Grant, Role, User } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Act, actions, Table, type TableColumn } from '../panels/Table';
import { Ago, Moment } from '../panels/Time';
import { useMay } from '../session/session';
import { roleTitle } from './grants';
import type { UserChange } from './UserQuestion';

const COLOURS: Record<string, 'green' | 'blue' | 'orange' | 'grey'> = { active: 'green', invited: 'blue', suspended: 'orange' };

interface UserTableProps { users: readonly User[]; roles: readonly Role[]; act: ((what: UserChange | 'roles', user: User) => void) | null }

export function UserTable({ users, roles, act }: UserTableProps) {
  const maySeeSessions = useMay('sessions:end');
  const columns: TableColumn<User>[] = [
    { heading: t('column.person'), cell: (one) => <><Inert text={one.name} /><span className="xdr-findings xdr-quiet"><Inert text={one.email} /></span></> },
    { heading: t('column.state'), cell: (one) => <State user={one} /> },
    { heading: t('account.roles'), cell: (one) => <Held grants={one.grants} roles={roles} /> },
    { heading: t('column.factors'), cell: (one) => one.factors.length === 0 ? <span className="xdr-quiet">{t('users.no_factor')}</span> : one.factors.map((factor) => word('factor', factor)).join(', ') },
    { heading: t('column.origin'), cell: (one) => word('origin', one.origin) },
    { heading: t('column.signed_in'), cell: (one) => <Ago at={one.last_sign_in_at} /> },
  ];
  if (act) columns.push(actions((one) => <Actions user={one} act={act} maySeeSessions={maySeeSessions} />));
  return <Table caption={t('users.title')} columns={columns} rows={users} id={(one) => one.id} />;
}

function State({ user }: { user: User }) {
  return (
    <span className="xdr-line">
      <Label isCompact color={COLOURS[user.status] ?? 'grey'}>{word('user.status', user.status)}</Label>
      {user.break_glass && <Label isCompact color="purple">{t('users.break_glass')}</Label>}
    </span>
  );
}

/** Each role once for each place it comes from, with its end if it has one. */
function Held({ grants, roles }: { grants: readonly Grant[]; roles: readonly Role[] }) {
  if (grants.length === 0) return <span className="xdr-quiet">{t('users.no_role')}</span>;
  return (
    <ul className="xdr-plain-list xdr-tight">
      {grants.map((one) => (
        <li key={`${one.role} ${one.origin}`}>
          {roleTitle(one.role, roles)}
          {one.origin !== 'local' && <span className="xdr-quiet"> · {t('users.by_group')}</span>}
          {one.expires_at !== null && <span className="xdr-quiet"> · {t('users.until')} <Moment at={one.expires_at} /></span>}
        </li>
      ))}
    </ul>
  );
}

function Actions({ user, act, maySeeSessions }: { user: User; act: (what: UserChange | 'roles', user: User) => void; maySeeSessions: boolean }) {
  const is = (...states: string[]) => states.includes(user.status);
  return (
    <>
      <Act label={t('users.roles')} name={user.name} act={() => act('roles', user)} />
      {user.origin === 'local' && <Act label={t('users.link')} name={user.name} act={() => act('link', user)} />}
      {user.factors.length > 0 && <Act label={t('users.reset')} name={user.name} act={() => act('factors', user)} />}
      {is('suspended', 'deactivated')
        ? <Act label={t('users.reactivate')} name={user.name} act={() => act('reactivate', user)} />
        : <Act label={t('users.suspend')} name={user.name} act={() => act('suspend', user)} isDangerous />}
      {maySeeSessions && <Link to={`/users/sessions?of=${user.id}`} aria-label={`${t('sessions.title')}: ${user.name}`}>{t('sessions.title')}</Link>}
    </>
  );
}
