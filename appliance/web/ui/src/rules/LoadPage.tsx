import { Breadcrumb, BreadcrumbItem, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useNavigate } from 'react-router';

import type { LoadProblem, LoadReport } from '../api/schema';
import { csvFile, saveFile } from '../evidence/csv';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { formatNumber, t, word } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { Grid, type Column } from '../rows/Grid';
import { useRows } from '../rows/useRows';
import { latestLoad } from './queries';
import { shortVersion } from './version';

/** What became of every rule file at the last load: each that is not active has a reason. */
export function LoadPage() {
  const query = useQuery(latestLoad);
  return (
    <Content fills>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/rules">{t('rules.title')}</Link>} />
        <BreadcrumbItem isActive>{t('load.title')}</BreadcrumbItem>
      </Breadcrumb>
      <Heading title={t('load.title')} />
      <Loaded query={query} lines={10}>{(report) => <Report report={report} />}</Loaded>
    </Content>
  );
}

function Report({ report }: { report: LoadReport }) {
  const [reason, setReason] = useState<string | null>(null);
  const shown = report.problems.filter((one) => reason === null || one.reason === reason);
  return (
    <>
      <Panel title={t('load.counts')} actions={<SaveButton problems={report.problems} />}>
        <p className="xdr-quiet">
          {t('load.version', { version: shortVersion(report.version) })} · <Moment at={report.loaded_at} /> · <Inert text={[nameOf(report.by), report.origin].filter(Boolean).join(' · ')} />
        </p>
        <dl className="xdr-counts">
          {Object.entries(report.counts).sort(byOrder).map(([name, count]) => (
            <div key={name}><dt>{word('load.count', name)}</dt><dd>{formatNumber(count)}</dd></div>
          ))}
        </dl>
        <Reasons reasons={report.reasons} chosen={reason} choose={setReason} />
      </Panel>
      {report.problems.length === 0 ? <p>{t('load.no_problems')}</p> : <Problems problems={shown} />}
    </>
  );
}

interface ReasonsProps { reasons: Record<string, number>; chosen: string | null; choose: (reason: string | null) => void }

/** How often each reason occurred, as bars that filter the list. */
function Reasons({ reasons, chosen, choose }: ReasonsProps) {
  const rows = Object.entries(reasons).sort(([, left], [, right]) => right - left);
  const highest = Math.max(1, ...rows.map(([, count]) => count));
  return (
    <div role="group" aria-label={t('load.reasons')} className="xdr-reason-bars">
      {rows.map(([reason, count]) => (
        <button key={reason} type="button" aria-pressed={chosen === reason} onClick={() => choose(chosen === reason ? null : reason)}>
          <span>{word('rule.reason', reason)}</span>
          <span className="xdr-bar"><span style={{ width: `${(100 * count) / highest}%` }} /></span>
          <span className="xdr-count">{formatNumber(count)}</span>
        </button>
      ))}
    </div>
  );
}

type ProblemRow = LoadProblem & { id: string };

function Problems({ problems }: { problems: readonly LoadProblem[] }) {
  const navigate = useNavigate();
  const items = problems.map((one, index): ProblemRow => ({ ...one, id: `${index} ${one.path}` }));
  const open = (id: string) => {
    const target = items.find((one) => one.id === id)?.rule_id;
    if (target) void navigate(`/rules/${target}`);
  };
  const rows = useRows(items.map((one) => one.id), (effect) => {
    if (effect.do !== 'open') return false;
    open(effect.id);
    return true;
  });
  return (
    <Grid
      label={t('load.problems')} layout="problems" columns={PROBLEM_COLUMNS} rows={items}
      active={rows.active} onActive={rows.activate} onOpen={open}
    />
  );
}

const PROBLEM_COLUMNS: readonly Column<ProblemRow>[] = [
  { key: 'title', get heading() { return t('column.rule'); }, cell: (one) => <ProblemTitle problem={one} /> },
  { key: 'reason', get heading() { return t('column.reason'); }, cell: (one) => <Inert text={word('rule.reason', one.reason)} /> },
  { key: 'summary', get heading() { return t('column.detail'); }, cell: (one) => <Inert text={one.detail ?? ''} /> },
];

function ProblemTitle({ problem }: { problem: LoadProblem }) {
  const title = problem.title ?? problem.path;
  return (
    <>
      {problem.rule_id ? <Link to={`/rules/${problem.rule_id}`} tabIndex={-1}><Inert text={title} /></Link> : <Inert text={title} />}
      <span className="xdr-quiet xdr-findings xdr-mono"><Inert text={problem.path} /></span>
    </>
  );
}

function SaveButton({ problems }: { problems: readonly LoadProblem[] }) {
  const save = () => {
    const rows = problems.map((one) => [one.path, one.rule_id ?? '', one.title ?? '', one.reason, one.detail ?? '']);
    saveFile('rule-load.csv', csvFile(['path', 'rule_id', 'title', 'reason', 'detail'], rows), 'text/csv;charset=utf-8');
  };
  return <Button size="sm" variant="secondary" onClick={save} isDisabled={problems.length === 0}>{t('export.start')}</Button>;
}

const COUNTS = ['files', 'active', 'inactive', 'disabled', 'unmapped'];

function byOrder([left]: [string, number], [right]: [string, number]): number {
  return COUNTS.indexOf(left) - COUNTS.indexOf(right);
}

function nameOf(by: LoadReport['by']): string {
  if (by === null) return '';
  return typeof by === 'string' ? by : by.name;
}
