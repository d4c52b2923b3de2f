import { Checkbox } from '@patternfly/react-core';
import { useId, useState } from 'react';

import { answer, api } from '../api/client';
import type { Role, User } from '../api/identity';
import { inertText } from '../evidence/inert';
import { t } from '../language/language';
import { FormDialog } from '../panels/FormDialog';
import { useChange } from '../panels/useChange';
import { chosenFrom, fieldMoment, roleTitle, wantedFrom } from './grants';
import { USERS } from './queries';

/** Gives exactly these roles, for ever or until a moment. */
export function RolesDialog({ user, roles, close }: { user: User; roles: readonly Role[]; close: () => void }) {
  const [chosen, setChosen] = useState(() => chosenFrom(user.grants));
  const id = useId();
  const isByGroup = user.grants.some((one) => one.origin !== 'local');
  const save = useChange(() => answer(api.PUT('/api/v1/users/{id}/roles', {
    params: { path: { id: user.id } }, body: { roles: wantedFrom(chosen, user.grants) },
  })), [USERS], close);
  const set = (role: string, until: string | null) => {
    const next = new Map(chosen);
    if (until === null) next.delete(role);
    else next.set(role, until);
    setChosen(next);
  };
  return (
    <FormDialog
      title={t('users.roles.of', { name: inertText(user.name) })} about={isByGroup ? t('users.roles.groups') : undefined} confirm={t('users.roles.confirm')}
      error={save.error} busy={save.isPending} incomplete={chosen.size === 0} submit={() => save.mutate(undefined)} cancel={close}
    >
      <fieldset className="xdr-choices">
        <legend>{t('account.roles')}</legend>
        {roles.map(({ name }) => {
          const title = roleTitle(name, roles);
          const until = chosen.get(name);
          return (
            <div key={name} className="xdr-line">
              <Checkbox id={`${id}${name}`} label={title} isChecked={until !== undefined} onChange={(_, isOn) => set(name, isOn ? '' : null)} />
              {until !== undefined && (
                <label className="xdr-quiet">
                  {t('users.until')} <input
                    type="datetime-local" className="xdr-moment-field" value={until} min={fieldMoment(new Date().toISOString())}
                    aria-label={t('users.until.of', { role: title })} onChange={(event) => set(name, event.target.value)}
                  />
                </label>
              )}
            </div>
          );
        })}
      </fieldset>
      <p className="xdr-quiet">{t('users.until.about')}</p>
    </FormDialog>
  );
}
