import { FormGroup } from '@patternfly/react-core';
import { useId } from 'react';

/** Chooses one file of this machine; nothing is sent anywhere by choosing it. */
export function FileField({ label, accept, help, choose }: { label: string; accept: string; help?: string; choose: (file: File | null) => void }) {
  const id = useId();
  return (
    <FormGroup label={label} fieldId={id}>
      <input id={id} type="file" accept={accept} className="xdr-file" onChange={(event) => choose(event.target.files?.[0] ?? null)} {...(help ? { 'aria-describedby': `${id}-help` } : {})} />
      {help && <p id={`${id}-help`} className="xdr-quiet">{help}</p>}
    </FormGroup>
  );
}
