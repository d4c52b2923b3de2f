import { describe, expect, it } from 'vitest';

import { flipped, readFilters, writeFilters, type Filters } from './filters';

function roundTrip(filters: Filters): Filters {
  return readFilters(new URLSearchParams(writeFilters(filters).toString()));
}

describe('the queue in the address', () => {
  it('shows what is open when the address says nothing', () => {
    const filters = readFilters(new URLSearchParams());

    expect(filters.status).toEqual(['new', 'acknowledged', 'in_progress', 'contained']);
    expect(writeFilters(filters).toString()).toBe('');
  });

  it('comes back as it was written', () => {
    const filters: Filters = {
      status: ['new', 'closed'], severity: ['high'], owner: 'me', tag: 'lab', q: 'a&b=c', sort: 'created_at',
    };

    expect(roundTrip(filters)).toEqual(filters);
  });

  it('means every status by an empty choice', () => {
    expect(roundTrip({ ...readFilters(new URLSearchParams()), status: [] }).status).toEqual([]);
  });

  it('drops what it does not know', () => {
    const filters = readFilters(new URLSearchParams('status=evil&severity=x&sort=drop'));

    expect([filters.status, filters.severity, filters.sort]).toEqual([[], [], '-risk']);
  });

  it('flips one value', () => {
    expect([flipped(['a'], 'a'), flipped(['a'], 'b')]).toEqual([[], ['a', 'b']]);
  });
});
