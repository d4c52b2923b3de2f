/**
 * The contract of API v1 as the console uses it, in the shape openapi-typescript generates, so
 * that types generated from the server's openapi.json replace this file without touching a page.
 */

import type { AuditPaths } from './audit';
import type { GovernancePaths } from './governance';
import type { IdentityPaths } from './identity';
import type {
  Answers, ById, Empty, Keyset, None, OpenOperation, OpenSent, Operation, Sent,
} from './shapes';

export type { User } from './identity';
export type IncidentStatus = 'new' | 'acknowledged' | 'in_progress' | 'contained' | 'closed';
export type Severity = 'informational' | 'low' | 'medium' | 'high' | 'critical';
export type CloseReason = 'true_positive' | 'false_positive' | 'benign' | 'duplicate' | 'test';
export type RuleState = 'active' | 'inactive' | 'disabled';
export type SourceState = 'receiving' | 'silent' | 'never' | 'disabled' | 'not_readable';

/** `id` is null for the appliance itself. */
export interface Named { id: string | null; name: string }
export interface Page<T> { items: T[]; next_cursor: string | null }

export interface Session {
  user: { id: string; email: string; name: string };
  organisation: { id: string; name: string };
  roles: string[];
  permissions: string[];
  csrf_token: string;
  expires_at: string;
}

export interface Entity { kind: string; value: string; role: string | null; weak: boolean }

export interface Incident {
  id: string;
  number: number;
  title: string;
  status: IncidentStatus;
  severity: Severity;
  risk: number;
  owner: Named | null;
  tags: string[];
  techniques: Named[];
  tactics: string[];
  entities: Entity[];
  findings_count: number;
  events_count: number;
  first_event_at: string;
  last_event_at: string;
  created_at: string;
  updated_at: string;
  version: number;
}

export interface IncidentSummary {
  by_status: Partial<Record<IncidentStatus, number>>;
  by_severity: Partial<Record<Severity, number>>;
  open: number;
  unowned: number;
}

export interface Clause {
  field: string | null;
  modifier: string | null;
  pattern: string;
  value: string | null;
  /** True where the rule fires because the clause does not hold. */
  negated?: boolean;
  sentence: string;
}

export interface WhyClause extends Clause {
  finding_id: string;
  rule_id: string;
  rule_title: string;
  rule_author: string | null;
}

export interface Why {
  summary: string;
  clauses: WhyClause[];
  rarity: { sentence: string }[];
  entities: { kind: string; value: string; risk: number; reasons: string[] }[];
  next_steps: string[];
  searches: { title: string; where: QueryTree; from: string; to: string }[];
}

export interface IncidentDetail extends Incident {
  why: Why;
  closure: { reason: CloseReason; note: string | null; by: Named | null; at: string } | null;
  allowed_transitions: { to: IncidentStatus; needs_reason: boolean }[];
  acknowledged_by: Named | null;
  acknowledged_at: string | null;
}

export type TimelineKind = 'finding' | 'note' | 'state' | 'owner' | 'severity' | 'tag' | 'evidence';

export interface TimelineEntry {
  id: string;
  at: string;
  kind: TimelineKind;
  title: string;
  detail: string | null;
  actor: Named | null;
  event_id: string | null;
  finding_id: string | null;
  level: Severity | null;
  techniques: Named[];
}

export interface Finding {
  id: string;
  rule_id: string;
  rule_title: string;
  rule_author: string | null;
  rule_version: string | number;
  set_version: string | number;
  level: Severity;
  event_id: string;
  event_time: string;
  host: string | null;
  techniques: Named[];
  tactics: string[];
  clauses: Clause[];
  entities: Entity[];
}

export interface Note { id: string; text: string; by: Named | null; at: string }
export interface Evidence { id: string; event_id: string; reason: string; by: Named | null; at: string }

export interface BulkRequest {
  ids: string[];
  action: 'acknowledge' | 'close' | 'assign';
  reason?: CloseReason;
  owner_id?: string | null;
  note?: string;
}

export interface BulkResult { done: string[]; failed: { id: string; code: string; detail: string }[] }

export type QueryTree =
  | { op: 'and' | 'or'; of: QueryTree[] }
  | { op: 'not'; of: QueryTree }
  | { op: FieldOperator; field: string; value?: string }
  | { op: 'entity'; kind: string; value: string }
  | { op: 'text'; value: string };

export type FieldOperator =
  | 'is' | 'contains' | 'startswith' | 'endswith' | 'cidr' | 'exists' | 'gt' | 'gte' | 'lt' | 'lte';

export interface EventSummary {
  id: string;
  event_time: string;
  received_at: string;
  host: string | null;
  kind: string | null;
  channel: string | null;
  code: string | null;
  source: Named | null;
  summary: string;
  fields: Record<string, unknown>;
}

export interface SearchRequest {
  where: QueryTree | null;
  from: string;
  to: string;
  limit: number;
  cursor: string | null;
}

export interface SearchResult extends Page<EventSummary> {
  searched: { from: string; to: string; segments: number; complete: boolean; stopped: 'budget' | null };
}

export interface Histogram { buckets: { from: string; count: number }[]; complete: boolean }

export interface EventDetail extends EventSummary {
  entities: Entity[];
  original: { size_bytes: number; format?: string; text: string | null };
  findings: { id: string; rule_id: string; rule_title: string; rule_author: string | null; level: Severity }[];
}

export interface RuleSummary {
  id: string;
  title: string;
  level: Severity;
  status: string | null;
  author: string | null;
  state: RuleState;
  reason: string | null;
  logsource: { category?: string | null; product?: string | null; service?: string | null };
  techniques: string[];
  tactics: string[];
  origin: 'starter' | 'imported' | 'own';
  last_match_at: string | null;
  matches_24h: number;
  seen_logsource: boolean;
}

export interface RuleDetail extends RuleSummary {
  description: string | null;
  references: string[];
  falsepositives: string[];
  definition: string | null;
  text: string;
  version: string | number;
}

export interface LoadReport {
  id: string;
  version: string | number;
  loaded_at: string;
  by: Named | string | null;
  origin: string | null;
  counts: { files: number; active: number; inactive: number; disabled?: number; unmapped?: number };
  problems: LoadProblem[];
  reasons: Record<string, number>;
}

export interface LoadProblem {
  path: string;
  rule_id: string | null;
  title: string | null;
  reason: string;
  detail: string | null;
}

export interface RuleTest {
  matched: boolean;
  clauses: Clause[];
  problems: { reason?: string; detail?: string | null }[];
}

export interface Source {
  id: string;
  name: string;
  format: string;
  state: SourceState;
  last_event_at: string | null;
  events_24h: number;
  rate_per_second: number;
  clock_skew_seconds: number | null;
  lost_datagrams: number | null;
  quarantined: number;
  enabled: boolean;
  detail: string | null;
}

export interface Quarantined {
  id: string;
  source: Named | null;
  received_at: string;
  reason: string;
  size_bytes: number;
  preview: string;
  replayed_at: string | null;
}

export interface Status {
  version: string;
  node: string;
  components: { name: string; state: 'ok' | 'degraded' | 'down' | 'not_configured'; detail: string | null }[];
  pipeline: {
    events_stored: number;
    events_matched: number;
    rule_set_version: string | number | null;
    rules_active: number;
    spool_bytes: number;
    rate_per_second: number;
  };
}

export interface ProblemDetails {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  instance?: string;
}

export interface paths extends IdentityPaths, AuditPaths, GovernancePaths {
  '/api/v1/session': {
    get: OpenOperation<None, Answers<Session>>;
    delete: OpenOperation<None, Empty>;
  };
  '/api/v1/status': { get: OpenOperation<None, Answers<Status>> };
  '/api/v1/incidents': {
    get: OpenOperation<
      Keyset & {
        status?: IncidentStatus[]; severity?: Severity[]; owner?: string; tag?: string;
        q?: string; sort?: string;
      },
      Answers<Page<Incident>>
    >;
  };
  '/api/v1/incidents/summary': { get: OpenOperation<None, Answers<IncidentSummary>> };
  '/api/v1/incidents/bulk': { post: OpenSent<BulkRequest, Answers<BulkResult>> };
  '/api/v1/incidents/{id}': {
    get: Operation<None, ById, Answers<IncidentDetail>>;
    patch: Sent<
      { owner_id?: string | null; severity?: Severity; tags?: string[] },
      ById, Answers<IncidentDetail>, { 'If-Match'?: string }
    >;
  };
  '/api/v1/incidents/{id}/acknowledgement': {
    post: Sent<{ note: string | null }, ById, Answers<IncidentDetail>>;
  };
  '/api/v1/incidents/{id}/transition': {
    post: Sent<
      { to: IncidentStatus; reason: string | null; note: string | null },
      ById, Answers<IncidentDetail>, { 'If-Match'?: string }
    >;
  };
  '/api/v1/incidents/{id}/timeline': { get: Operation<Keyset, ById, Answers<Page<TimelineEntry>>> };
  '/api/v1/incidents/{id}/findings': { get: Operation<Keyset, ById, Answers<Page<Finding>>> };
  '/api/v1/incidents/{id}/notes': {
    get: Operation<Keyset, ById, Answers<Page<Note>>>;
    post: Sent<{ text: string }, ById, Answers<Note>>;
  };
  '/api/v1/incidents/{id}/evidence': {
    get: Operation<Keyset, ById, Answers<Page<Evidence>>>;
    post: Sent<{ event_id: string; reason: string }, ById, Answers<Evidence>>;
  };
  '/api/v1/events/search': { post: OpenSent<SearchRequest, Answers<SearchResult>> };
  '/api/v1/events/histogram': {
    post: OpenSent<{ where: QueryTree | null; from: string; to: string; buckets: number }, Answers<Histogram>>;
  };
  '/api/v1/events/fields': {
    get: OpenOperation<{ prefix?: string }, Answers<{ items: { name: string; count: number }[] }>>;
  };
  '/api/v1/events/{id}': { get: Operation<None, ById, Answers<EventDetail>> };
  '/api/v1/rules': {
    get: OpenOperation<Keyset & { state?: RuleState; level?: Severity; q?: string }, Answers<Page<RuleSummary>>>;
  };
  '/api/v1/rules/loads/latest': { get: OpenOperation<None, Answers<LoadReport>> };
  '/api/v1/rules/test': { post: OpenSent<{ text: string; event: unknown }, Answers<RuleTest>> };
  '/api/v1/rules/{id}': {
    get: Operation<None, ById, Answers<RuleDetail>>;
    patch: Sent<{ enabled: boolean }, ById, Answers<RuleDetail>>;
  };
  '/api/v1/sources': {
    get: OpenOperation<Keyset, Answers<Page<Source>>>;
    post: OpenSent<{ name: string; format: string }, Answers<Source>>;
  };
  '/api/v1/sources/{id}/tokens': {
    post: Sent<Record<string, never>, ById, Answers<{ token: string; prefix: string; ingest_url?: string }>>;
  };
  '/api/v1/quarantine': {
    get: OpenOperation<Keyset & { source?: string }, Answers<Page<Quarantined>>>;
  };
  '/api/v1/quarantine/{id}/replay': { post: Sent<Record<string, never>, ById, Answers<unknown>> };
}
