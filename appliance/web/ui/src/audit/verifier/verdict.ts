/** What a verifier says: that all is well, or what is wrong first. */
export type Kind =
  | 'altered' | 'deleted' | 'inserted' | 'reordered' | 'truncated' | 'rolled_back' | 'forked' | 'key_swapped'
  | 'clock_back' | 'checkpoint_altered' | 'checkpoint_missing' | 'events_altered' | 'events_missing';

export interface Problem {
  kind: Kind;
  /** Of the record, from 1; of a missing one the number it would have; 0 where events are at fault. */
  seq: number;
  /** Of the entry at that place; "" if that cannot be known. */
  entryId: string;
  /** The number of the checkpoint that is at fault, if one is. */
  checkpoint: number | null;
  /** The segment of events that is at fault, if one is. */
  segment: string;
}

export interface Verdict {
  stream: string;
  /** How many were found in order. */
  records: number;
  checkpoints: number;
  head: string;
  root: string;
  /** Fingerprints of the keys that signed, in order. */
  keys: string[];
  /** Whether a key was known beforehand; otherwise the file vouches for itself only. */
  isPinned: boolean;
  events: { segments: number; events: number } | null;
  problem: Problem | null;
}

export function problem(kind: Kind, seq: number, more: Partial<Problem> = {}): Problem {
  return { kind, seq, entryId: '', checkpoint: null, segment: '', ...more };
}
