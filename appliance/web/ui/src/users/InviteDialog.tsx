import { Checkbox } from '@patternfly/react-core';
import { useId, useState } from 'react';

import { answer, api } from '../api/client';
import type { Invitation, Role } from '../api/identity';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { useChange } from '../panels/useChange';
import { roleTitle } from './grants';
import { USERS } from './queries';

export function InviteDialog({ roles, done, close }: { roles: readonly Role[]; done: (made: Invitation) => void; close: () => void }) {
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [isBreakGlass, setBreakGlass] = useState(false);
  const id = useId();
  const invite = useChange(() => answer(api.POST('/api/v1/users', {
    body: { email: email.trim(), name: name.trim(), roles: [...chosen], break_glass: isBreakGlass },
  })), [USERS], done);
  return (
    <FormDialog
      title={t('users.invite')} about={t('users.invite.about')} confirm={t('users.invite.confirm')} error={invite.error} busy={invite.isPending}
      incomplete={!email.includes('@') || name.trim() === '' || chosen.length === 0} submit={() => invite.mutate(undefined)} cancel={close}
    >
      <Field label={t('account.email')} value={email} change={setEmail} type="email" required focus />
      <Field label={t('account.name')} value={name} change={setName} required />
      <fieldset className="xdr-choices">
        <legend>{t('account.roles')}</legend>
        {roles.map((one) => (
          <Checkbox
            key={one.name} id={`${id}${one.name}`} label={roleTitle(one.name, roles)} isChecked={chosen.includes(one.name)}
            onChange={(_, isOn) => setChosen(isOn ? [...chosen, one.name] : chosen.filter((other) => other !== one.name))}
          />
        ))}
      </fieldset>
      <Checkbox id={`${id}glass`} label={t('users.break_glass')} description={t('users.break_glass.about')} isChecked={isBreakGlass} onChange={(_, isOn) => setBreakGlass(isOn)} />
    </FormDialog>
  );
}
