import type { AuditQuery } from '../api/audit';

/** What the audit list is narrowed by, as it stands in the address; "" does not restrict. */
export interface AuditFilters {
  by: string;
  action: string;
  subject: string;
  outcome: string;
  /** Moments as `<input type="datetime-local">` has them, in this browser's time. */
  since: string;
  until: string;
  seals: boolean;
}

export const OUTCOMES = ['success', 'denied', 'failed'] as const;
const TEXTS = ['by', 'action', 'subject', 'outcome', 'since', 'until'] as const;

export function readAuditFilters(address: URLSearchParams): AuditFilters {
  const [by, action, subject, outcome, since, until] = TEXTS.map((name) => address.get(name) ?? '') as [string, string, string, string, string, string];
  return { by, action, subject, outcome, since, until, seals: address.get('seals') === '1' };
}

export function asAddress(filters: AuditFilters): Record<string, string> {
  const texts = TEXTS.filter((name) => filters[name] !== '').map((name) => [name, filters[name]]);
  return { ...(Object.fromEntries(texts) as Record<string, string>), ...(filters.seals ? { seals: '1' } : {}) };
}

export function asQuery({ since, until, seals, ...texts }: AuditFilters): AuditQuery {
  const given = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== '')) as AuditQuery;
  return { ...given, since: moment(since), until: moment(until), ...(seals ? { seals } : {}) };
}

/** In UTC; a moment that cannot be read does not restrict. */
function moment(local: string): string | undefined {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
