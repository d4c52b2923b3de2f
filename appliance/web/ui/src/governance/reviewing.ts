import type { Decision, ReviewItem } from '../api/governance';

export function undecided(items: readonly ReviewItem[]): ReviewItem[] {
  return items.filter((one) => one.decision === '');
}

/** Everybody who is left as a decision to keep, but for the reviewer: others decide about that. */
export function keepTheRest(items: readonly ReviewItem[], reviewer: string): Decision[] {
  return undecided(items).filter((one) => one.user_id !== reviewer).map((one) => ({ user_id: one.user_id, decision: 'keep', comment: '' }));
}
