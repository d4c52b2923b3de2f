import type { Answers, ById, None, OpenOperation, OpenSent, Operation } from './shapes';

/** The part of the contract about the audit trail. */

export interface ChainRecord {
  seq: number;
  entry_id: string;
  sealed_at_us: number;
  leaf: string;
  head: string;
  signature: string;
  body: string | null;
}

export interface AuditActor {
  kind: string;
  id: string | null;
  name: string | null;
  address: string | null;
  session: string | null;
}

export interface AuditEntry {
  id: string;
  at: string;
  action: string;
  outcome: string;
  subject: string | null;
  actor: AuditActor;
  detail: Record<string, unknown>;
  body: string;
  /** Null until the entry is sealed, about a second after it was written. */
  record: ChainRecord | null;
}

export interface Checkpoint { number: number; size: number; at: string; key: string; checkpoint: string; signature: string }
export interface EntryProof { entry: AuditEntry; checkpoint: { checkpoint: string; signature: string } | null; proof: string[] }
export interface AuditKey { fingerprint: string; public_key: string; state: string; published_at: string; activated_at: string | null; retired_at: string | null }

export interface AuditQuery {
  by?: string;
  action?: string;
  subject?: string;
  outcome?: string;
  since?: string;
  until?: string;
  seals?: boolean;
  limit?: number;
  cursor?: string;
}

export interface ExportOrder { after?: number; source_id?: string | null; events_from?: string | null; events_to?: string | null }

export interface AuditPaths {
  '/api/v1/audit/entries': { get: OpenOperation<AuditQuery, Answers<{ items: AuditEntry[]; next_cursor: string | null }>> };
  '/api/v1/audit/entries/{id}': { get: Operation<None, ById, Answers<EntryProof>> };
  '/api/v1/audit/checkpoints': {
    get: OpenOperation<{ after?: number; limit?: number }, Answers<{ items: Checkpoint[]; next_after: number | null }>>;
  };
  '/api/v1/audit/keys': { get: OpenOperation<None, Answers<{ items: AuditKey[] }>> };
  '/api/v1/audit/export': { post: OpenSent<ExportOrder, Answers<ArrayBuffer>> };
}
