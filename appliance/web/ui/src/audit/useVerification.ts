import { useEffect, useRef, useState } from 'react';

import { download } from '../api/client';
import { isCancelled, Problem } from '../api/problem';
import { t } from '../language/language';
import { NotAnExport } from './verifier/bytes';
import { keptCheckpoints } from './verifier/checkpoint';
import type { Verdict } from './verifier/verdict';
import { verify } from './verifier/verify';

export interface Order { source: File | 'appliance'; kept: File | null; pin: string; isThorough: boolean }

/** Runs one verification at a time; it stops with the page. */
export function useVerification() {
  const [share, setShare] = useState<number | null>(null);
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);
  const run = async ({ source, kept, pin, isThorough }: Order) => {
    control.current?.abort();
    const mine = control.current = new AbortController();
    setVerdict(null);
    setError(null);
    setShare(0);
    try {
      const expected = kept === null ? [] : keptCheckpoints(await kept.text());
      if (kept !== null && expected.length === 0) throw new NotAnExport(`${kept.name} holds no checkpoint`);
      const file = source === 'appliance' ? await download('/api/v1/audit/export', { after: 0 }) : source;
      const bytes = new Uint8Array(await file.arrayBuffer());
      setVerdict(await verify(bytes, { pin, expected, isThorough, progress: setShare, signal: mine.signal }));
    } catch (failure) {
      if (!isCancelled(failure)) setError(told(failure));
    } finally {
      if (control.current === mine) setShare(null);
    }
  };
  return { run: (order: Order) => void run(order), stop: () => control.current?.abort(), share, verdict, error };
}

function told(failure: unknown): Error {
  if (failure instanceof NotAnExport) return new Problem(400, 'not_an_export', t('verify.unreadable'), failure.message);
  return failure instanceof Error ? failure : new Error(String(failure));
}
