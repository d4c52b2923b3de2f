import { Link } from 'react-router';

import type { IncidentDetail } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { searchFor } from '../events/pivots';
import { t, word } from '../language/language';
import { Panel } from '../panels/Panel';

interface Row { kind: string; value: string; role: string | null; risk: number | null; reasons: readonly string[] }

/** Whom and what the incident concerns, and how each came by its risk. */
export function EntitiesPanel({ incident }: { incident: IncidentDetail }) {
  const rows = entityRows(incident);
  return (
    <Panel title={t('entities.title')}>
      {rows.length === 0 && <p className="xdr-quiet">{t('entities.none')}</p>}
      <ul className="xdr-plain-list">
        {rows.map((one) => (
          <li key={`${one.kind} ${one.value}`} className="xdr-entity-row">
            <p className="xdr-line">
              <span className="xdr-kind">{word('entity', one.kind)}</span>
              <Link to={searchFor(incident, one)} title={t('entities.search')}><Inert text={one.value} /></Link>
              {one.role && <span className="xdr-quiet">{word('role', one.role)}</span>}
              {one.risk !== null && <span className="xdr-risk">{t('incident.risk', { risk: one.risk })}</span>}
            </p>
            {one.reasons.length > 0 && (
              <ul className="xdr-reasons">{one.reasons.map((reason) => <li key={reason}><Inert text={reason} /></li>)}</ul>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Entities with a risk first, worst first; then those that are only mentioned. */
function entityRows({ why, entities }: IncidentDetail): Row[] {
  const roles = new Map(entities.map((one) => [`${one.kind} ${one.value}`, one.role]));
  const risky = why.entities.map((one) => ({ ...one, role: roles.get(`${one.kind} ${one.value}`) ?? null }));
  const known = new Set(risky.map((one) => `${one.kind} ${one.value}`));
  const mentioned = entities
    .filter((one) => !known.has(`${one.kind} ${one.value}`))
    .map((one) => ({ ...one, risk: null, reasons: [] }));
  return [...risky.sort((left, right) => right.risk - left.risk), ...mentioned];
}
