import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { answer, api } from '../api/client';
import { t } from '../language/language';
import { Field } from '../panels/Field';
import { FormDialog } from '../panels/FormDialog';
import { Loaded } from '../panels/Loaded';
import { useChange } from '../panels/useChange';
import { FACTORS } from '../session/factors';

/** Sets up an authenticator app: its secret as a QR code and as text, and the first code as proof. */
export function EnrolDialog({ done, close }: { done: (codes: string[]) => void; close: () => void }) {
  const [code, setCode] = useState('');
  const attempt = useId();
  const begun = useQuery({
    // Each opening of the dialog is another secret, and none stays behind in a cache.
    queryKey: ['enrolment', attempt], gcTime: 0, staleTime: Infinity, retry: false,
    queryFn: () => answer(api.POST('/api/v1/account/totp')),
  });
  const confirm = useChange(
    () => answer(api.POST('/api/v1/account/totp/confirmation', { body: { code: code.replaceAll(' ', '') } })),
    [FACTORS], (made) => done(made.recovery_codes),
  );
  return (
    <FormDialog
      title={t('enrol.title')} about={t('enrol.about')} confirm={t('enrol.confirm')} error={confirm.error} busy={confirm.isPending}
      incomplete={!begun.data || code.replaceAll(' ', '').length < 6} submit={() => confirm.mutate(undefined)} cancel={close}
    >
      <Loaded query={begun} lines={6}>
        {({ secret, qr }) => (
          <>
            <p><img src={qr} width="200" height="200" className="xdr-qr" alt={t('enrol.qr')} /></p>
            <p>{t('enrol.secret')} <code className="xdr-mono xdr-secret">{grouped(secret)}</code></p>
            <Field label={t('stepup.code')} value={code} change={setCode} autoComplete="one-time-code" inputMode="numeric" required />
          </>
        )}
      </Loaded>
    </FormDialog>
  );
}

function grouped(secret: string): string {
  return secret.replace(/(.{4})(?=.)/g, '$1 ');
}
