import { Link } from 'react-router';

import type { Clause, Why, WhyClause } from '../api/schema';
import { matchedRange } from '../evidence/highlight';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { authorName } from '../rules/badges';
import { Panel } from '../panels/Panel';

/** Why this incident exists, in plain words, from evidence only. */
export function WhyPanel({ why }: { why: Why }) {
  return (
    <Panel title={t('why.title')} className="xdr-why">
      <p className="xdr-lead"><Inert text={why.summary} /></p>
      {groupedByRule(why.clauses).map(([first, clauses]) => (
        <section key={first.rule_id} aria-label={first.rule_title} className="xdr-why-rule">
          <h3><Link to={`/rules/${first.rule_id}`}><Inert text={first.rule_title} /></Link></h3>
          <RuleAuthor author={first.rule_author} />
          <Clauses of={clauses} />
        </section>
      ))}
      {why.clauses.length === 0 && <p className="xdr-quiet">{t('why.no_clauses')}</p>}
      {why.rarity.length > 0 && (
        <section className="xdr-why-rule">
          <h3>{t('why.rarity')}</h3>
          <ul className="xdr-plain-list">{why.rarity.map((one) => <li key={one.sentence}><Inert text={one.sentence} /></li>)}</ul>
        </section>
      )}
    </Panel>
  );
}

/** The rule's author goes with every finding (Detection Rule License 1.1). */
export function RuleAuthor({ author }: { author: string | null }) {
  return <p className="xdr-quiet">{t('rule.by')} <Inert text={authorName(author)} /></p>;
}

/** Each clause: field, what the rule asks of it, and the value with the matched part marked. */
export function Clauses({ of }: { of: readonly Clause[] }) {
  return <ul className="xdr-clauses">{of.map((clause, index) => <li key={index}><Quoted clause={clause} /></li>)}</ul>;
}

/** Where no part can be marked, the appliance's own sentence says how the value came to match. */
function Quoted({ clause }: { clause: Clause }) {
  const { field, modifier, pattern, value, sentence } = clause;
  const mark = matchedRange(clause);
  if (value === null || mark === null) return <p><Inert text={sentence} /></p>;
  return (
    <>
      <p>
        <code>{field ?? t('why.any_field')}</code>{' '}
        {word('modifier', modifier ?? 'equals')} “<Inert text={pattern} />”
      </p>
      <p><code className="xdr-value"><Inert text={value} mark={mark} multiline /></code></p>
    </>
  );
}

function groupedByRule(clauses: readonly WhyClause[]): [WhyClause, WhyClause[]][] {
  const groups = Map.groupBy(clauses, (clause) => clause.rule_id);
  return [...groups.values()].flatMap((group) => (group[0] ? [[group[0], group] as [WhyClause, WhyClause[]]] : []));
}
