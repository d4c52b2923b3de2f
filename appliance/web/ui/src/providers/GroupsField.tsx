import { Button, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import type { GroupRole } from '../api/identity';
import { t } from '../language/language';
import { roleTitle } from '../users/grants';
import { roleMatrix } from '../users/queries';

/** Which group gives which role; the first that fits decides, so their order counts. */
export function GroupsField({ groups, change }: { groups: readonly GroupRole[]; change: (groups: GroupRole[]) => void }) {
  const roles = useQuery(roleMatrix).data?.roles ?? [];
  const put = (index: number, next: Partial<GroupRole>) => change(groups.map((one, at) => at === index ? { ...one, ...next } : one));
  const up = (index: number) => change(groups.flatMap((one, at) => at === index - 1 ? [groups[index] ?? one, one] : at === index ? [] : [one]));
  return (
    <fieldset className="xdr-choices">
      <legend>{t('idp.groups')}</legend>
      <p className="xdr-quiet">{t('idp.groups.about')}</p>
      {groups.map((one, index) => {
        const number = index + 1;
        return (
          // Lines have no name of their own; their place is what they are.
          <div key={index} className="xdr-line xdr-group">
            <TextInput className="xdr-grow" value={one.group} aria-label={t('idp.groups.group', { number })} onChange={(_, group) => put(index, { group })} />
            <FormSelect className="xdr-fit" value={one.role} aria-label={t('idp.groups.role', { number })} onChange={(_, role) => put(index, { role })}>
              <FormSelectOption value="" label={t('idp.groups.choose')} isPlaceholder />
              {roles.map(({ name }) => <FormSelectOption key={name} value={name} label={roleTitle(name, roles)} />)}
            </FormSelect>
            <Button size="sm" variant="link" isDisabled={index === 0} onClick={() => up(index)} aria-label={t('idp.groups.up.of', { number })}>{t('idp.groups.up')}</Button>
            <Button size="sm" variant="link" isDanger onClick={() => change(groups.filter((_, at) => at !== index))} aria-label={t('idp.groups.remove.of', { number })}>{t('passkeys.remove')}</Button>
          </div>
        );
      })}
      <p><Button size="sm" variant="secondary" onClick={() => change([...groups, { group: '', role: '' }])}>{t('idp.groups.add')}</Button></p>
    </fieldset>
  );
}
