import { useState } from 'react';

import type { IssuedToken, NewToken } from '../api/identity';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { useChange } from '../panels/useChange';
import { useSession } from '../session/session';
import { PermissionPicker } from './PermissionPicker';

/** As the appliance demands it. */
const LONGEST_DAYS = 90;

interface NewTokenProps {
  keys: readonly (readonly string[])[];
  without: readonly string[];
  create: (body: NewToken) => Promise<IssuedToken>;
  done: (token: IssuedToken) => void;
  close: () => void;
}

export function NewTokenDialog({ keys, without, create, done, close }: NewTokenProps) {
  const [name, setName] = useState('');
  const [days, setDays] = useState('30');
  const [networks, setNetworks] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const held = useSession().permissions.filter((one) => !without.includes(one));
  const lifetime = Number(days);
  const isLifetime = Number.isInteger(lifetime) && lifetime >= 1 && lifetime <= LONGEST_DAYS;
  const make = useChange(() => create({
    name: name.trim(), days: lifetime, permissions: [...chosen].sort(), networks: networks.split(/[\s,]+/).filter((one) => one !== ''),
  }), keys, done);
  return (
    <FormDialog
      title={t('tokens.add')} about={t('tokens.add.about')} confirm={t('token.create')} error={make.error} busy={make.isPending} wide
      incomplete={name.trim() === '' || chosen.size === 0 || !isLifetime} submit={() => make.mutate(undefined)} cancel={close}
    >
      <Field label={t('account.name')} value={name} change={setName} help={t('tokens.name.help')} required focus />
      <Field label={t('tokens.days')} value={days} change={setDays} type="number" wrong={!isLifetime} help={t('tokens.days.help', { count: LONGEST_DAYS })} required />
      <Field label={t('tokens.networks')} value={networks} change={setNetworks} help={t('tokens.networks.help')} />
      <PermissionPicker offered={held} chosen={chosen} change={setChosen} />
    </FormDialog>
  );
}
