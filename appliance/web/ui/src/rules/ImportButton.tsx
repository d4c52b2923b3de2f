import { Button } from '@patternfly/react-core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { useNavigate } from 'react-router';

import { upload } from '../api/client';
import type { LoadReport } from '../api/schema';
import { t } from '../language/language';
import { useToasts } from '../panels/Toasts';
import { useMay } from '../session/session';
import { RULES } from './queries';

/** Imports an archive of rules; all or nothing, and the report says what became of each. */
export function ImportButton() {
  const picker = useRef<HTMLInputElement>(null);
  const client = useQueryClient();
  const navigate = useNavigate();
  const toasts = useToasts();
  const send = useMutation({
    mutationFn: (file: File) => upload<LoadReport>('/api/v1/rules/imports', file, 'application/zip'),
    onSuccess: async (report) => {
      toasts.say('success', t('import.done', { count: report.counts.active }));
      await client.invalidateQueries({ queryKey: RULES });
      await navigate('/rules/loads/latest');
    },
    onError: (error) => toasts.fail(t('import.failed'), error),
  });
  if (!useMay('rules:edit')) return null;
  return (
    <>
      <Button variant="secondary" size="sm" isLoading={send.isPending} isDisabled={send.isPending} onClick={() => picker.current?.click()}>
        {t('import.start')}
      </Button>
      <input
        ref={picker} type="file" accept=".zip,application/zip" hidden aria-label={t('import.start')}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file) send.mutate(file);
        }}
      />
    </>
  );
}
