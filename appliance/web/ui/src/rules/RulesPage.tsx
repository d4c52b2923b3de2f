import { Button, FormSelect, FormSelectOption, SearchInput } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useRef, type RefObject } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';

import type { RuleSummary } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { SeverityLabel, Techniques } from '../incidents/badges';
import { SEVERITIES } from '../incidents/filters';
import { formatNumber, t, word } from '../language/language';
import { Guard } from '../panels/Guard';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Ago } from '../panels/Time';
import { Grid, type Column } from '../rows/Grid';
import { useRows } from '../rows/useRows';
import { useTypedFilter } from '../rows/useTypedFilter';
import { authorName, logsourceText, RuleStateLabel } from './badges';
import { ImportButton } from './ImportButton';
import { LoadSummary } from './LoadSummary';
import { readRuleFilters, RULE_STATES, ruleList, type RuleFilters } from './queries';

/** Every rule with its state; one that is not active says why. */
export function RulesPage() {
  const [address, setAddress] = useSearchParams();
  const filters = readRuleFilters(address);
  const box = useRef<HTMLInputElement>(null);
  const change = (next: RuleFilters) => {
    setAddress(Object.fromEntries(Object.entries(next).filter(([, value]) => value !== '')), { replace: true });
  };
  return (
    <Content fills>
      <Heading title={t('rules.title')}>
        <ImportButton />
      </Heading>
      <Guard><LoadSummary /></Guard>
      <RuleFilterBar filters={filters} change={change} box={box} />
      <Guard><RuleGrid filters={filters} onFilter={() => box.current?.focus()} onReset={() => setAddress({})} /></Guard>
    </Content>
  );
}

interface BarProps { filters: RuleFilters; change: (filters: RuleFilters) => void; box: RefObject<HTMLInputElement | null> }

function RuleFilterBar({ filters, change, box }: BarProps) {
  const [text, setText] = useTypedFilter(filters.q, (q) => change({ ...filters, q }));
  return (
    <search className="xdr-filter-line" aria-label={t('rules.filter')}>
      <SearchInput ref={box} className="xdr-grow" aria-label={t('rules.filter.text')} placeholder={t('rules.filter.text')} value={text} onChange={(_, value) => setText(value)} onClear={() => setText('')} />
      <FormSelect className="xdr-fit" aria-label={t('rules.filter.state')} value={filters.state} onChange={(_, state) => change({ ...filters, state: state as RuleFilters['state'] })}>
        <FormSelectOption value="" label={t('rules.filter.state.any')} />
        {RULE_STATES.map((one) => <FormSelectOption key={one} value={one} label={word('rule.state', one)} />)}
      </FormSelect>
      <FormSelect className="xdr-fit" aria-label={t('filter.severity')} value={filters.level} onChange={(_, level) => change({ ...filters, level: level as RuleFilters['level'] })}>
        <FormSelectOption value="" label={t('rules.filter.level.any')} />
        {SEVERITIES.map((one) => <FormSelectOption key={one} value={one} label={word('severity', one)} />)}
      </FormSelect>
    </search>
  );
}

function RuleGrid({ filters, onFilter, onReset }: { filters: RuleFilters; onFilter: () => void; onReset: () => void }) {
  const list = useInfiniteQuery(ruleList(filters));
  const navigate = useNavigate();
  const rules = list.data?.pages.flatMap((page) => page.items) ?? [];
  const open = (id: string) => void navigate(`/rules/${id}`);
  const rows = useRows(rules.map((one) => one.id), (effect) => {
    if (effect.do === 'open') open(effect.id);
    else if (effect.do === 'filter') onFilter();
    else return false;
    return true;
  });
  return (
    <Loaded query={list} lines={10}>
      {() => rules.length === 0
        ? <Nothing title={t('rules.none')} actions={<Button variant="link" onClick={onReset}>{t('rules.none.reset')}</Button>}>{t('rules.none.advice')}</Nothing>
        : (
          <Grid
            label={t('rules.title')} layout="rules" columns={RULE_COLUMNS} rows={rules} active={rows.active}
            onActive={rows.activate} onOpen={open}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          />
        )}
    </Loaded>
  );
}

const RULE_COLUMNS: readonly Column<RuleSummary>[] = [
  { key: 'severity', get heading() { return t('column.level'); }, cell: (one) => <SeverityLabel level={one.level} /> },
  { key: 'title', get heading() { return t('column.rule'); }, cell: (one) => <RuleTitle rule={one} /> },
  { key: 'state', get heading() { return t('column.state'); }, cell: (one) => <RuleStateCell rule={one} /> },
  { key: 'logsource', get heading() { return t('column.logsource'); }, cell: (one) => <Logsource rule={one} /> },
  { key: 'techniques', get heading() { return t('column.techniques'); }, cell: (one) => <Techniques of={one.techniques} short /> },
  { key: 'matches', get heading() { return t('column.matches'); }, cell: (one) => <>{formatNumber(one.matches_24h)}</> },
  { key: 'last', get heading() { return t('column.last_match'); }, cell: (one) => <Ago at={one.last_match_at} /> },
];

function RuleTitle({ rule }: { rule: RuleSummary }) {
  return (
    <>
      <Link to={`/rules/${rule.id}`} className="xdr-title" tabIndex={-1}><Inert text={rule.title} /></Link>
      <span className="xdr-quiet xdr-findings"><Inert text={authorName(rule.author)} /></span>
    </>
  );
}

function RuleStateCell({ rule }: { rule: RuleSummary }) {
  return (
    <>
      <RuleStateLabel state={rule.state} />
      {rule.reason && <span className="xdr-quiet xdr-findings"><Inert text={word('rule.reason', rule.reason)} /></span>}
    </>
  );
}

function Logsource({ rule }: { rule: RuleSummary }) {
  return (
    <>
      <Inert text={logsourceText(rule.logsource)} />
      {!rule.seen_logsource && <span className="xdr-quiet xdr-findings">{t('rules.unseen')}</span>}
    </>
  );
}
