import { Alert, Button, Checkbox, Form, Progress } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState } from 'react';

import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Field } from '../panels/Field';
import { Panel } from '../panels/Panel';
import { FileField } from '../panels/FileField';
import { useVerification, type Order } from './useVerification';
import { VerdictView } from './VerdictView';
import { canVerify } from './verifier/bytes';

const FINGERPRINT = /^[0-9a-f]{64}$/;

/** Verifies an export here, or the trail as the appliance hands it out now. */
export function VerifyPanel({ mayFetch }: { mayFetch: boolean }) {
  const { data: able } = useQuery({ queryKey: ['can-verify'], queryFn: canVerify, staleTime: Infinity });
  return (
    <Panel title={t('verify.here')}>
      <p>{t('verify.about')}</p>
      {able !== undefined && able !== 'yes' && <Alert variant="warning" isInline component="h3" title={t(`audit.proof.${able}`)}>{t('verify.elsewhere')}</Alert>}
      <VerifyForm isAble={able === 'yes'} mayFetch={mayFetch} />
    </Panel>
  );
}

function VerifyForm({ isAble, mayFetch }: { isAble: boolean; mayFetch: boolean }) {
  const [file, setFile] = useState<File | null>(null);
  const [kept, setKept] = useState<File | null>(null);
  const [pin, setPin] = useState('');
  const [isThorough, setThorough] = useState(false);
  const id = useId();
  const { run, stop, share, verdict, error } = useVerification();
  const outcome = useRef<HTMLDivElement>(null);
  const isKnown = verdict !== null || error !== null;
  useEffect(() => { if (isKnown) outcome.current?.focus(); }, [isKnown]);
  const plain = pin.replaceAll(':', '').trim().toLowerCase();
  const isPin = plain === '' || FINGERPRINT.test(plain);
  const isRunning = share !== null;
  const start = (source: Order['source']) => run({ source, kept, pin: plain, isThorough });
  return (
    <Form onSubmit={(event) => { event.preventDefault(); if (file !== null && isPin) start(file); }}>
      <FileField label={t('verify.file')} accept=".xdr-audit" choose={setFile} />
      <Field label={t('verify.pin')} value={pin} change={setPin} wrong={!isPin} help={t('verify.pin.help')} />
      <FileField label={t('verify.kept')} accept=".jsonl,.txt,.log" choose={setKept} help={t('verify.kept.help')} />
      <Checkbox id={`${id}thorough`} label={t('verify.thorough')} isChecked={isThorough} onChange={(_, next) => setThorough(next)} />
      <p className="xdr-line">
        <Button type="submit" isDisabled={!isAble || file === null || !isPin || isRunning}>{t('verify.start')}</Button>
        {mayFetch && <Button variant="secondary" isDisabled={!isAble || !isPin || isRunning} onClick={() => start('appliance')}>{t('verify.fetch')}</Button>}
        {isRunning && <Button variant="link" onClick={stop}>{t('verify.stop')}</Button>}
      </p>
      {isRunning && <Progress value={Math.round(share * 100)} aria-label={t('verify.progress')} />}
      <div ref={outcome} tabIndex={-1} role="status">
        {error && <Failure error={error} />}
        {verdict && <VerdictView verdict={verdict} />}
      </div>
    </Form>
  );
}
