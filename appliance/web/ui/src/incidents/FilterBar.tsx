import { Button, FormSelect, FormSelectOption, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState, type RefObject } from 'react';

import { formatNumber, t, word } from '../language/language';
import { flipped, SEVERITIES, SORTS, STATUSES, type Filters, type Sort } from './filters';
import { incidentSummary, users } from './queries';

interface FilterBarProps { filters: Filters; change: (filters: Filters) => void; box: RefObject<HTMLInputElement | null> }

/** Which incidents the queue shows: text, owner, order, and statuses and severities with counts. */
export function FilterBar({ filters, change, box }: FilterBarProps) {
  const summary = useQuery(incidentSummary).data;
  return (
    <search className="xdr-filters" aria-label={t('filter.label')}>
      <div className="xdr-filter-line">
        <TextFilter key={filters.q} initial={filters.q} apply={(q) => change({ ...filters, q })} box={box} />
        <OwnerFilter value={filters.owner} apply={(owner) => change({ ...filters, owner })} />
        <FormSelect
          className="xdr-fit" aria-label={t('filter.sort')} value={filters.sort}
          onChange={(_, sort) => change({ ...filters, sort: sort as Sort })}
        >
          {SORTS.map((one) => <FormSelectOption key={one} value={one} label={word('sort', one)} />)}
        </FormSelect>
        {filters.tag !== '' && (
          <Button variant="secondary" size="sm" onClick={() => change({ ...filters, tag: '' })} aria-label={t('filter.tag.remove', { tag: filters.tag })}>
            {t('filter.tag', { tag: filters.tag })} ×
          </Button>
        )}
      </div>
      <div className="xdr-filter-line">
        <Pills
          label={t('filter.status')} prefix="incident.status" all={STATUSES} chosen={filters.status}
          counts={summary?.by_status} flip={(one) => change({ ...filters, status: flipped(filters.status, one) })}
        />
        <Pills
          label={t('filter.severity')} prefix="severity" all={SEVERITIES} chosen={filters.severity}
          counts={summary?.by_severity} flip={(one) => change({ ...filters, severity: flipped(filters.severity, one) })}
        />
      </div>
    </search>
  );
}

interface PillsProps<T extends string> {
  label: string;
  prefix: string;
  all: readonly T[];
  chosen: readonly T[];
  counts: Partial<Record<T, number>> | undefined;
  flip: (one: T) => void;
}

function Pills<T extends string>({ label, prefix, all, chosen, counts, flip }: PillsProps<T>) {
  return (
    <div role="group" aria-label={label} className="xdr-pills">
      {all.map((one) => (
        <button key={one} type="button" className={`xdr-pill xdr-pill-${one}`} aria-pressed={chosen.includes(one)} onClick={() => flip(one)}>
          {word(prefix, one)}
          {counts && <span className="xdr-count">{formatNumber(counts[one] ?? 0)}</span>}
        </button>
      ))}
    </div>
  );
}

function TextFilter({ initial, apply, box }: { initial: string; apply: (q: string) => void; box: RefObject<HTMLInputElement | null> }) {
  const [text, setText] = useState(initial);
  return (
    <SearchInput
      ref={box} className="xdr-grow" aria-label={t('filter.text')} placeholder={t('filter.text')} value={text}
      onChange={(_, value) => setText(value)} onSearch={(_, value) => apply(value.trim())}
      onClear={() => { setText(''); apply(''); }}
    />
  );
}

function OwnerFilter({ value, apply }: { value: string; apply: (owner: string) => void }) {
  const people = useQuery(users).data?.items ?? [];
  const known = ['', 'me', 'none'].includes(value) || people.some((one) => one.id === value);
  return (
    <FormSelect className="xdr-fit" aria-label={t('filter.owner')} value={value} onChange={(_, owner) => apply(owner)}>
      <FormSelectOption value="" label={t('filter.owner.any')} />
      <FormSelectOption value="me" label={t('filter.owner.me')} />
      <FormSelectOption value="none" label={t('filter.owner.none')} />
      {people.map((one) => <FormSelectOption key={one.id} value={one.id} label={one.name} />)}
      {!known && <FormSelectOption value={value} label={value} />}
    </FormSelect>
  );
}

export function useFilterBox() {
  const box = useRef<HTMLInputElement>(null);
  return { box, focus: () => box.current?.focus() };
}
