import type { Decision, ReviewItem } from '../api/governance';

export function undecided(items: readonly ReviewItem[]): ReviewItem[] {
  return items.filter((one) => one.decision === '');
}

/** As many decisions as the appliance takes at one go. */
export const MOST_DECISIONS = 1_000;

/** Everybody who is left as a decision to keep, but for the reviewer: others decide about that. */
export function keepTheRest(items: readonly ReviewItem[], reviewer: string): Decision[] {
  const others = undecided(items).filter((one) => one.user_id !== reviewer);
  return others.slice(0, MOST_DECISIONS).map((one) => ({ user_id: one.user_id, decision: 'keep', comment: '' }));
}
