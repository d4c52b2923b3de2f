import { Checkbox, FormSelect, FormSelectOption, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useId, type RefObject } from 'react';

import { t, word } from '../language/language';
import { useTypedFilter } from '../rows/useTypedFilter';
import { useMay } from '../session/session';
import { people } from '../users/queries';
import { OUTCOMES, type AuditFilters } from './filters';

interface BarProps { filters: AuditFilters; change: (next: AuditFilters) => void; box: RefObject<HTMLInputElement | null> }

export function AuditFilterBar({ filters, change, box }: BarProps) {
  const id = useId();
  const [action, setAction] = useTypedFilter(filters.action, (next) => change({ ...filters, action: next }));
  const [subject, setSubject] = useTypedFilter(filters.subject, (next) => change({ ...filters, subject: next }));
  return (
    <search className="xdr-filters" aria-label={t('audit.filter')}>
      <div className="xdr-filter-line">
        <SearchInput ref={box} className="xdr-grow" aria-label={t('audit.filter.action')} placeholder={t('audit.filter.action')} value={action} onChange={(_, value) => setAction(value)} onClear={() => setAction('')} />
        <SearchInput className="xdr-grow" aria-label={t('audit.filter.subject')} placeholder={t('audit.filter.subject')} value={subject} onChange={(_, value) => setSubject(value)} onClear={() => setSubject('')} />
        <ActorSelect chosen={filters.by} choose={(by) => change({ ...filters, by })} />
        <FormSelect className="xdr-fit" aria-label={t('audit.outcome')} value={filters.outcome} onChange={(_, outcome) => change({ ...filters, outcome })}>
          <FormSelectOption value="" label={t('audit.outcome.any')} />
          {OUTCOMES.map((one) => <FormSelectOption key={one} value={one} label={word('audit.outcome', one)} />)}
        </FormSelect>
      </div>
      <div className="xdr-filter-line">
        <label>{t('audit.since')} <input type="datetime-local" className="xdr-moment-field" value={filters.since} onChange={(event) => change({ ...filters, since: event.target.value })} /></label>
        <label>{t('audit.until')} <input type="datetime-local" className="xdr-moment-field" value={filters.until} onChange={(event) => change({ ...filters, until: event.target.value })} /></label>
        <Checkbox id={`${id}seals`} label={t('audit.seals')} isChecked={filters.seals} onChange={(_, seals) => change({ ...filters, seals })} />
      </div>
    </search>
  );
}

function ActorSelect({ chosen, choose }: { chosen: string; choose: (id: string) => void }) {
  const query = useQuery({ ...people, enabled: useMay('users:view') });
  const users = query.data?.items ?? [];
  const isStranger = chosen !== '' && !users.some((one) => one.id === chosen);
  return (
    <FormSelect className="xdr-fit" aria-label={t('audit.actor')} value={chosen} onChange={(_, id) => choose(id)}>
      <FormSelectOption value="" label={t('audit.actor.any')} />
      {isStranger && <FormSelectOption value={chosen} label={chosen} />}
      {users.map((one) => <FormSelectOption key={one.id} value={one.id} label={`${one.name} (${one.email})`} />)}
    </FormSelect>
  );
}
