import type { ReactNode } from 'react';

import { FormDialog } from './FormDialog';
import { useChange } from './useChange';

export interface Question {
  title: string;
  text: ReactNode;
  confirm: string;
  isDangerous?: boolean;
  run: () => Promise<unknown>;
}

/** Asks before something is done, and stays open to say why it was refused. */
export function Ask({ question, keys, close }: { question: Question; keys: readonly (readonly string[])[]; close: () => void }) {
  const change = useChange(question.run, keys, close);
  return (
    <FormDialog
      title={question.title} confirm={question.confirm} isDangerous={question.isDangerous ?? false} error={change.error}
      busy={change.isPending} submit={() => change.mutate(undefined)} cancel={close}
    >
      <p>{question.text}</p>
    </FormDialog>
  );
}
