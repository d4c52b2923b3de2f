import { Button, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import type { Invitation, Role, User } from '../api/identity';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { useMay } from '../session/session';
import { InvitationDialog } from './InvitationDialog';
import { InviteDialog } from './InviteDialog';
import { PeopleTabs } from './PeopleTabs';
import { people, roleMatrix } from './queries';
import { RolesDialog } from './RolesDialog';
import { UserQuestion, type UserChange } from './UserQuestion';
import { UserTable } from './UserTable';

type Doing = { what: UserChange; user: User } | { what: 'invite' } | { what: 'roles'; user: User } | null;

/** Everybody who has an account, and what an administrator does about them. */
export function UsersPage() {
  const query = useQuery(people);
  const matrix = useQuery(roleMatrix);
  const mayEdit = useMay('users:edit');
  const [doing, setDoing] = useState<Doing>(null);
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const [text, setText] = useState('');
  const roles = matrix.data?.roles ?? [];
  const close = () => setDoing(null);
  const invited = (made: Invitation) => { close(); setInvitation(made); };
  return (
    <Content>
      <Heading title={t('users.title')}>{mayEdit && <Button size="sm" onClick={() => setDoing({ what: 'invite' })}>{t('users.invite')}</Button>}</Heading>
      <PeopleTabs />
      <search><SearchInput className="xdr-grow" aria-label={t('users.filter')} placeholder={t('users.filter')} value={text} onChange={(_, value) => setText(value)} onClear={() => setText('')} /></search>
      <Loaded query={query} lines={6}>{({ items }) => <Found users={items.filter((one) => fits(one, text))} roles={roles} act={mayEdit ? (what, user) => setDoing({ what, user }) : null} />}</Loaded>
      {doing?.what === 'invite' && <InviteDialog roles={roles} done={invited} close={close} />}
      {doing?.what === 'roles' && <RolesDialog user={doing.user} roles={roles} close={close} />}
      {doing && 'user' in doing && doing.what !== 'roles' && <UserQuestion what={doing.what} user={doing.user} invited={invited} close={close} />}
      {invitation && <InvitationDialog invitation={invitation} close={() => setInvitation(null)} />}
    </Content>
  );
}

function Found({ users, roles, act }: { users: readonly User[]; roles: readonly Role[]; act: ((what: UserChange | 'roles', user: User) => void) | null }) {
  if (users.length === 0) return <Nothing title={t('users.none')}>{t('users.none.advice')}</Nothing>;
  return <UserTable users={users} roles={roles} act={act} />;
}

function fits(user: User, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return user.name.toLowerCase().includes(wanted) || user.email.toLowerCase().includes(wanted);
}
