import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { useToasts } from '../panels/Toasts';
import { useChange } from '../panels/useChange';
import { factorState } from '../session/factors';
import { OWN_SESSIONS } from './queries';

export function PasswordPanel() {
  const query = useQuery(factorState);
  const [changing, setChanging] = useState(false);
  return (
    <Panel title={t('password.title')}>
      <Loaded query={query} lines={1}>
        {({ has_password: isOurs }) => isOurs
          ? <p><Button size="sm" variant="secondary" onClick={() => setChanging(true)}>{t('password.change')}</Button></p>
          : <p>{t('password.elsewhere')}</p>}
      </Loaded>
      {changing && <PasswordDialog close={() => setChanging(false)} />}
    </Panel>
  );
}

function PasswordDialog({ close }: { close: () => void }) {
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const toasts = useToasts();
  const change = useChange(
    () => answer(api.POST('/api/v1/account/password', { body: { current, new: next } })), [OWN_SESSIONS],
    () => { toasts.say('success', t('password.changed')); close(); },
  );
  const differs = again !== '' && again !== next;
  return (
    <FormDialog
      title={t('password.change')} about={t('password.about')} confirm={t('password.change')} error={change.error} busy={change.isPending}
      incomplete={current === '' || next === '' || again !== next} submit={() => change.mutate(undefined)} cancel={close}
    >
      <Field label={t('password.current')} value={current} change={setCurrent} type="password" autoComplete="current-password" required focus />
      <Field label={t('password.new')} value={next} change={setNext} type="password" autoComplete="new-password" required />
      <Field label={t('password.again')} value={again} change={setAgain} type="password" autoComplete="new-password" required wrong={differs} help={differs ? t('password.differs') : undefined} />
    </FormDialog>
  );
}
