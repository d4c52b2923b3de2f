import { Button, ExpandableSection } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import type { Finding } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { shortVersion } from '../rules/version';
import { SeverityLabel, Techniques } from './badges';
import { PinButton } from './EvidencePanel';
import { findings } from './queries';
import { Clauses, RuleAuthor } from './WhyPanel';

export function FindingsPanel({ id }: { id: string }) {
  const query = useInfiniteQuery(findings(id));
  const all = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title={t('findings.title')}>
      <Loaded query={query} lines={4}>
        {() => all.length === 0 ? <p className="xdr-quiet">{t('findings.none')}</p> : (
          <>
            <ul className="xdr-plain-list xdr-findings-list">
              {all.map((one) => <li key={one.id}><FindingItem finding={one} incident={id} /></li>)}
            </ul>
            {query.hasNextPage && (
              <Button variant="link" isLoading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t('more')}</Button>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function FindingItem({ finding, incident }: { finding: Finding; incident: string }) {
  const [open, setOpen] = useState(false);
  return (
    <article className="xdr-finding">
      <p className="xdr-line">
        <SeverityLabel level={finding.level} />
        <Link to={`/rules/${finding.rule_id}`} className="xdr-title"><Inert text={finding.rule_title} /></Link>
      </p>
      <p className="xdr-line xdr-quiet">
        <Moment at={finding.event_time} precise />
        {finding.host && <Inert text={finding.host} />}
        <Techniques of={finding.techniques} short />
      </p>
      <RuleAuthor author={finding.rule_author} />
      <ExpandableSection
        isExpanded={open} onToggle={(_, next) => setOpen(next)}
        toggleText={t('findings.clauses', { count: finding.clauses.length })}
      >
        {open && (
          <>
            <Clauses of={finding.clauses} />
            <p className="xdr-quiet">{t('findings.version', { rule: shortVersion(finding.rule_version), set: shortVersion(finding.set_version) })}</p>
          </>
        )}
      </ExpandableSection>
      <p className="xdr-line">
        <Link to={`/events/${finding.event_id}`}>{t('findings.event')}</Link>
        <PinButton incident={incident} event={finding.event_id} about={finding.rule_title} />
      </p>
    </article>
  );
}
