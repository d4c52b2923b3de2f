import { Checkbox } from '@patternfly/react-core';
import { useId } from 'react';

import { t } from '../language/language';
import { byArea } from './permissions';

interface PickerProps { offered: readonly string[]; chosen: ReadonlySet<string>; change: (chosen: ReadonlySet<string>) => void }

/** Permissions to tick, by what they are about. */
export function PermissionPicker({ offered, chosen, change }: PickerProps) {
  const id = useId();
  const toggle = (name: string) => {
    const next = new Set(chosen);
    if (!next.delete(name)) next.add(name);
    change(next);
  };
  return (
    <fieldset className="xdr-permissions">
      <legend>{t('permissions.legend', { count: chosen.size })}</legend>
      {byArea(offered).map(([area, names]) => (
        <div key={area} role="group" aria-label={area}>
          {names.map((name) => (
            <Checkbox key={name} id={`${id}${name}`} label={<span className="xdr-mono">{name}</span>} isChecked={chosen.has(name)} onChange={() => toggle(name)} />
          ))}
        </div>
      ))}
    </fieldset>
  );
}
