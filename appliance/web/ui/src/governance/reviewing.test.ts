import { describe, expect, it } from 'vitest';

import type { ReviewItem } from '../api/governance';
import { keepTheRest, MOST_DECISIONS, undecided } from './reviewing';

const person = (user_id: string, decision: ReviewItem['decision']): ReviewItem => ({
  user_id, decision, email: '', name: '', roles: [], factors: [], origin: 'local', status: 'active', last_sign_in_at: '', decided_by: '', comment: '',
});

describe('a review', () => {
  const items = [person('a', ''), person('b', 'remove'), person('me', ''), person('c', 'keep')];

  it('waits for whoever is undecided', () => {
    expect(undecided(items).map((one) => one.user_id)).toEqual(['a', 'me']);
  });

  it('keeps the rest at one go, without overruling anybody or deciding about oneself', () => {
    expect(keepTheRest(items, 'me')).toEqual([{ user_id: 'a', decision: 'keep', comment: '' }]);
  });

  it('sends no more at one go than is taken', () => {
    const crowd = Array.from({ length: MOST_DECISIONS + 1 }, (_, index) => person(String(index), ''));

    expect(keepTheRest(crowd, 'me').length).toBe(MOST_DECISIONS);
  });
});
