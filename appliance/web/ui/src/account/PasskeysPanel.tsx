import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Passkey } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Act, actions, Table, type TableColumn } from '../panels/Table';
import { Ago } from '../panels/Time';
import { useChange } from '../panels/useChange';
import { FACTORS, factorState } from '../session/factors';
import { makePasskey, passkeysWork } from '../session/passkeys';

/** Keys of this device or of a token, which prove who one is without anything to type. */
export function PasskeysPanel() {
  const query = useQuery(factorState);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Passkey | null>(null);
  return (
    <Panel title={t('passkeys.title')}>
      <Loaded query={query} lines={2}>
        {({ passkeys }) => passkeys.length === 0
          ? <p className="xdr-quiet">{t('passkeys.none')}</p>
          : <Table caption={t('passkeys.title')} columns={columns(setRemoving)} rows={passkeys} id={(one) => one.id} />}
      </Loaded>
      {passkeysWork()
        ? <p><Button size="sm" variant="secondary" onClick={() => setAdding(true)}>{t('passkeys.add')}</Button></p>
        : <p className="xdr-quiet">{t('passkey.impossible')}</p>}
      {adding && <AddDialog close={() => setAdding(false)} />}
      {removing && (
        <Ask keys={[FACTORS]} close={() => setRemoving(null)} question={{
          title: t('passkeys.remove'), text: t('passkeys.remove.about', { name: removing.name }), confirm: t('passkeys.remove'), isDangerous: true,
          run: () => answer(api.DELETE('/api/v1/account/passkeys/{id}', { params: { path: { id: removing.id } } })),
        }} />
      )}
    </Panel>
  );
}

function columns(remove: (one: Passkey) => void): TableColumn<Passkey>[] {
  return [
    { heading: t('account.name'), cell: (one) => <Inert text={one.name} /> },
    { heading: t('passkeys.made'), cell: (one) => <Ago at={one.created_at} /> },
    { heading: t('column.used'), cell: (one) => <Ago at={one.last_used_at} /> },
    actions((one) => <Act label={t('passkeys.remove')} name={one.name} act={() => remove(one)} isDangerous />),
  ];
}

function AddDialog({ close }: { close: () => void }) {
  const [name, setName] = useState('');
  const add = useChange(async () => {
    const options = await answer(api.POST('/api/v1/account/passkeys/options'));
    const credential = await makePasskey(options);
    return answer(api.POST('/api/v1/account/passkeys', { body: { name: name.trim(), credential } }));
  }, [FACTORS], close);
  return (
    <FormDialog
      title={t('passkeys.add')} about={t('passkeys.add.about')} confirm={t('passkeys.add.confirm')} error={add.error} busy={add.isPending}
      incomplete={name.trim() === ''} submit={() => add.mutate(undefined)} cancel={close}
    >
      <Field label={t('passkeys.name')} value={name} change={(value) => setName(value.slice(0, 100))} help={t('passkeys.name.help')} required focus />
    </FormDialog>
  );
}
