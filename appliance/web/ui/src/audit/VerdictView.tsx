import { Alert } from '@patternfly/react-core';
import { Link } from 'react-router';

import { formatNumber, t } from '../language/language';
import { useSession } from '../session/session';
import type { Problem, Verdict } from './verifier/verdict';

/** What was found: that all is well, or the first thing that is wrong. */
export function VerdictView({ verdict }: { verdict: Verdict }) {
  const { problem } = verdict;
  const isOurs = useSession().organisation.id === verdict.stream;
  return (
    <>
      <Alert variant={problem === null ? 'success' : 'danger'} isInline component="h3" title={problem === null ? t('verdict.intact') : t('verdict.wrong', { what: t(`verdict.${problem.kind}`) })}>
        {problem && <Named problem={problem} isOurs={isOurs} />}
        {!verdict.isPinned && <p>{t('verdict.unpinned')}</p>}
      </Alert>
      <dl className="xdr-facts">
        <div><dt>{t('verdict.stream')}</dt><dd className="xdr-mono">{verdict.stream}</dd></div>
        <div><dt>{t('verdict.records')}</dt><dd>{formatNumber(verdict.records)}</dd></div>
        <div><dt>{t('checkpoints.title')}</dt><dd>{formatNumber(verdict.checkpoints)}</dd></div>
        {verdict.events && <div><dt>{t('verdict.events')}</dt><dd>{t('verdict.events.proved', verdict.events)}</dd></div>}
        <div><dt>{t('audit.head')}</dt><dd className="xdr-mono">{verdict.head}</dd></div>
        <div><dt>{t('verdict.root')}</dt><dd className="xdr-mono">{verdict.root}</dd></div>
        <div><dt>{t('audit.keys')}</dt><dd className="xdr-mono">{verdict.keys.join(' → ')}</dd></div>
      </dl>
    </>
  );
}

/** The first entry at fault, by its number and its id. */
function Named({ problem: { seq, entryId, checkpoint, segment }, isOurs }: { problem: Problem; isOurs: boolean }) {
  return (
    <ul className="xdr-plain-list">
      {seq > 0 && <li>{t('verdict.at', { seq: String(seq) })}</li>}
      {entryId !== '' && <li>{t('verdict.entry')} {isOurs ? <Link to={`/audit/${encodeURIComponent(entryId)}`} className="xdr-mono">{entryId}</Link> : <code>{entryId}</code>}</li>}
      {checkpoint !== null && <li>{t('verdict.checkpoint', { number: String(checkpoint) })}</li>}
      {segment !== '' && <li>{t('verdict.segment')} <code>{segment}</code></li>}
    </ul>
  );
}
