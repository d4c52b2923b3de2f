import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Role } from '../api/identity';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { useChange } from '../panels/useChange';
import { useSession } from '../session/session';
import { PermissionPicker } from '../tokens/PermissionPicker';
import { ROLES } from './queries';

/** As the appliance demands it. */
const NAME = /^[a-z][a-z0-9_]{1,48}$/;

/** A role of one's own making: a new one, or another title and other permissions for one there is. */
export function RoleDialog({ role, close }: { role: Role | null; close: () => void }) {
  const [name, setName] = useState(role?.name ?? '');
  const [title, setTitle] = useState(role?.title ?? '');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(role?.permissions));
  const { permissions } = useSession();
  const save = useChange(() => {
    const body = { name, title: title.trim(), permissions: [...chosen].sort() };
    return role === null
      ? answer(api.POST('/api/v1/roles', { body }))
      : answer(api.PUT('/api/v1/roles/{id}', { params: { path: { id: role.name } }, body }));
  }, [ROLES], close);
  const isNamed = NAME.test(name);
  return (
    <FormDialog
      title={t(role === null ? 'roles.add' : 'roles.change')} about={t('roles.about')} confirm={t('roles.save')} error={save.error} busy={save.isPending} wide
      incomplete={!isNamed || title.trim() === ''} submit={() => save.mutate(undefined)} cancel={close}
    >
      {role === null && <Field label={t('roles.name')} value={name} change={setName} wrong={name !== '' && !isNamed} help={t('roles.name.help')} required focus />}
      <Field label={t('roles.label')} value={title} change={setTitle} required />
      <PermissionPicker offered={[...new Set([...permissions, ...chosen])]} chosen={chosen} change={setChosen} />
    </FormDialog>
  );
}
