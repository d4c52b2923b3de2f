import { FormGroup, TextArea, TextInput } from '@patternfly/react-core';
import { useEffect, useId, useRef, type ReactNode } from 'react';

interface FieldProps {
  label: string;
  value: string;
  change: (value: string) => void;
  help?: ReactNode;
  type?: 'text' | 'password' | 'email' | 'url' | 'number' | 'datetime-local' | 'date';
  required?: boolean;
  /** Lines of a text that may have several. */
  lines?: number;
  autoComplete?: string;
  inputMode?: 'numeric';
  wrong?: boolean;
  /** Takes the focus when it appears; for the one field that a dialog is about. */
  focus?: boolean;
}

/** A labelled text field with its explanation, which screen readers hear too. */
export function Field({ label, value, change, help, type = 'text', required = false, lines, autoComplete = 'off', inputMode, wrong = false, focus = false }: FieldProps) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { if (focus) input.current?.focus(); }, [focus]);
  const shared = {
    id, value, isRequired: required, autoComplete, validated: wrong ? 'error' as const : 'default' as const,
    ...(help ? { 'aria-describedby': `${id}-help` } : {}),
  };
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      {lines === undefined
        ? <TextInput {...shared} ref={input} type={type} onChange={(_, next) => change(next)} {...(inputMode ? { inputMode } : {})} />
        : <TextArea {...shared} rows={lines} resizeOrientation="vertical" spellCheck={false} onChange={(_, next) => change(next)} />}
      {help && <p id={`${id}-help`} className="xdr-quiet">{help}</p>}
    </FormGroup>
  );
}
