import { Button } from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';

import { isCancelled } from '../api/problem';
import type { QueryTree } from '../api/schema';
import { t } from '../language/language';
import { useToasts } from '../panels/Toasts';
import { useMay } from '../session/session';
import { EXPORT_LIMIT, exportEvents } from './export';
import type { Window } from './range';

/** Exports what the search finds; a second press stops it. */
export function ExportButton({ where, window, disabled }: { where: QueryTree | null; window: Window; disabled: boolean }) {
  const [count, setCount] = useState<number | null>(null);
  const running = useRef<AbortController | null>(null);
  const toasts = useToasts();
  const may = useMay('events:export');
  useEffect(() => () => running.current?.abort(), []);
  const start = async () => {
    const control = new AbortController();
    running.current = control;
    setCount(0);
    try {
      const outcome = await exportEvents(where, window, setCount, control.signal);
      const key = outcome.complete ? 'export.done' : 'export.part';
      toasts.say(outcome.complete ? 'success' : 'warning', t(key, { count: outcome.count, limit: EXPORT_LIMIT }));
    } catch (error) {
      if (!isCancelled(error)) toasts.fail(t('export.failed'), error);
    } finally {
      setCount(null);
    }
  };
  if (!may) return null;
  return (
    <Button
      size="sm" variant="secondary" isDisabled={disabled} isLoading={count !== null}
      onClick={() => { if (count === null) void start(); else running.current?.abort(); }}
    >
      {count === null ? t('export.start') : t('export.stop', { count })}
    </Button>
  );
}
