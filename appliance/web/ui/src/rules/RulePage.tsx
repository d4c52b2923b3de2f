import { Alert, Breadcrumb, BreadcrumbItem, Switch } from '@patternfly/react-core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';

import { answer, api } from '../api/client';
import type { RuleDetail } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { inertText } from '../evidence/inert';
import { Content } from '../frame/Content';
import { SeverityLabel, Techniques } from '../incidents/badges';
import { formatNumber, t, word } from '../language/language';
import { Failure } from '../panels/Failure';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Ago } from '../panels/Time';
import { useMay } from '../session/session';
import { authorName, logsourceText, RuleStateLabel } from './badges';
import { rule, RULES } from './queries';
import { TestPanel } from './TestPanel';
import { shortVersion } from './version';

export function RulePage() {
  const { id = '' } = useParams();
  const query = useQuery(rule(id));
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/rules">{t('rules.title')}</Link>} />
        <BreadcrumbItem isActive>{query.data ? <Inert text={query.data.title} /> : '…'}</BreadcrumbItem>
      </Breadcrumb>
      {!query.data && <h1 className="pf-v6-screen-reader">{t('rule.page')}</h1>}
      <Loaded query={query} lines={10}>{(data) => <Shown key={id} rule={data} />}</Loaded>
    </Content>
  );
}

function Shown({ rule: one }: { rule: RuleDetail }) {
  return (
    <>
      <title>{`${inertText(one.title)} – ${t('product')}`}</title>
      <div className="xdr-incident-head">
        <h1><Inert text={one.title} /></h1>
        <p className="xdr-line">
          <SeverityLabel level={one.level} /> <RuleStateLabel state={one.state} />
          <span className="xdr-quiet">{t('rule.by')} <Inert text={authorName(one.author)} /></span>
        </p>
      </div>
      {one.state === 'inactive' && (
        <Alert variant="warning" isInline component="h2" title={t('rule.inactive')}>
          <Inert text={one.reason === null ? '' : word('rule.reason', one.reason)} />
        </Alert>
      )}
      <div className="xdr-incident">
        <div className="xdr-incident-story">
          {one.description && <Panel title={t('rule.description')}><p><Inert text={one.description} multiline /></p></Panel>}
          <TextPanel text={one.text} />
          <TestPanel text={one.text} />
        </div>
        <div className="xdr-incident-work">
          <FactsPanel rule={one} />
          <ListPanel title={t('rule.falsepositives')} items={one.falsepositives} />
          <ListPanel title={t('rule.references')} items={one.references} />
        </div>
      </div>
    </>
  );
}

function FactsPanel({ rule: one }: { rule: RuleDetail }) {
  const rows: [string, ReactNode][] = [
    [t('column.logsource'), <Inert key="l" text={logsourceText(one.logsource)} />],
    [t('rule.seen'), one.seen_logsource ? t('rule.seen.yes') : t('rules.unseen')],
    [t('column.matches'), formatNumber(one.matches_24h)],
    [t('column.last_match'), <Ago key="a" at={one.last_match_at} />],
    [t('column.techniques'), <Techniques key="t" of={one.techniques} />],
    [t('rule.status'), <Inert key="s" text={one.status ?? '–'} />],
    [t('rule.origin'), word('rule.origin', one.origin)],
    [t('rule.version'), shortVersion(one.version)],
    [t('event.id'), <code key="i"><Inert text={one.id} /></code>],
  ];
  return (
    <Panel title={t('rule.facts')}>
      <EnableSwitch rule={one} />
      <dl className="xdr-facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
    </Panel>
  );
}

/** Drawn as asked for at once; goes back if the appliance refuses. */
function EnableSwitch({ rule: one }: { rule: RuleDetail }) {
  const client = useQueryClient();
  const may = useMay('rules:edit');
  const change = useMutation({
    mutationFn: (enabled: boolean) => answer(api.PATCH('/api/v1/rules/{id}', { params: { path: { id: one.id } }, body: { enabled } })),
    onSuccess: () => client.invalidateQueries({ queryKey: RULES }),
  });
  const isOn = change.isPending ? change.variables : one.state !== 'disabled';
  return (
    <>
      {change.error && <Failure error={change.error} />}
      <Switch label={t('rule.enabled')} isChecked={isOn} isDisabled={!may || change.isPending} onChange={(_, enabled) => change.mutate(enabled)} />
    </>
  );
}

function TextPanel({ text }: { text: string }) {
  return (
    <Panel title={t('rule.text')}>
      {/* Scrolling content must be reachable by keyboard (WCAG 2.1.1). */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="xdr-original" tabIndex={0} role="group" aria-label={t('rule.text')}><Inert text={text} multiline /></pre>
    </Panel>
  );
}

/** References are shown, not linked: a rule's author must not choose where an analyst goes. */
function ListPanel({ title, items }: { title: string; items: readonly string[] }) {
  if (items.length === 0) return null;
  return (
    <Panel title={title}>
      <ul className="xdr-plain-list">{items.map((one) => <li key={one} className="xdr-wrap"><Inert text={one} /></li>)}</ul>
    </Panel>
  );
}
