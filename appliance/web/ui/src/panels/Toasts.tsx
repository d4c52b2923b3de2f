import { Alert, AlertActionCloseButton, AlertGroup } from '@patternfly/react-core';
import { createContext, use, useCallback, useMemo, useState, type ReactNode } from 'react';

import { asProblem, isCancelled } from '../api/problem';
import { t } from '../language/language';
import { failureTitle } from './Failure';

interface Toast { id: number; variant: 'success' | 'danger' | 'warning' | 'info'; title: string; detail?: string }

interface Notify {
  say(variant: Toast['variant'], title: string, detail?: string): void;
  /** Shows a failure unless it is only a request we cancelled ourselves. */
  fail(title: string, error: unknown): void;
}

const ToastContext = createContext<Notify | null>(null);
const GOOD_NEWS_MS = 6_000;
let lastId = 0;

export function useToasts(): Notify {
  const notify = use(ToastContext);
  if (notify === null) throw new Error('toasts are used outside their provider');
  return notify;
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const remove = useCallback((id: number) => setToasts((all) => all.filter((one) => one.id !== id)), []);
  const notify = useMemo<Notify>(() => {
    const say: Notify['say'] = (variant, title, detail) => {
      const id = ++lastId;
      setToasts((all) => [...all.slice(-4), { id, variant, title, detail }]);
    };
    return {
      say,
      fail(title, error) {
        if (isCancelled(error)) return;
        const problem = asProblem(error);
        say('danger', title, problem.detail === '' ? failureTitle(problem) : problem.detail);
      },
    };
  }, []);
  return (
    <ToastContext value={notify}>
      {children}
      <AlertGroup isToast isLiveRegion aria-label={t('toasts')}>
        {toasts.map((toast) => (
          <Alert
            key={toast.id} variant={toast.variant} title={toast.title} component="p"
            timeout={toast.variant === 'success' ? GOOD_NEWS_MS : false}
            onTimeout={() => remove(toast.id)}
            actionClose={<AlertActionCloseButton onClose={() => remove(toast.id)} />}
          >
            {toast.detail}
          </Alert>
        ))}
      </AlertGroup>
    </ToastContext>
  );
}
