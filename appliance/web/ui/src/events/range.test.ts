import { describe, expect, it } from 'vitest';

import { around, readRange, windowOf, writeRange } from './range';

const NOON = Date.parse('2026-11-23T12:00:00Z');

describe('the time range of a search', () => {
  it('is a day where the address says nothing or nonsense', () => {
    expect(readRange(new URLSearchParams())).toEqual({ span: '24h' });
    expect(readRange(new URLSearchParams('range=toString'))).toEqual({ span: '24h' });
    expect(readRange(new URLSearchParams('from=x&to=y'))).toEqual({ span: '24h' });
    expect(readRange(new URLSearchParams('from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z'))).toEqual({ span: '24h' });
  });

  it('comes back as it was written, and keeps the query', () => {
    const range = { from: '2020-05-02T00:00:00.000Z', to: '2020-05-03T00:00:00.000Z' };
    const address = writeRange(new URLSearchParams('q=a&range=7d'), range);

    expect(readRange(address)).toEqual(range);
    expect(address.get('q')).toBe('a');
    expect(address.get('range')).toBeNull();
  });

  it('ends now when it is a span', () => {
    expect(windowOf({ span: '1h' }, NOON)).toEqual({ from: '2026-11-23T11:00:00.000Z', to: '2026-11-23T12:00:00.000Z' });
  });

  it('leaves an hour round an incident', () => {
    expect(around('2026-11-23T10:00:00Z', '2026-11-23T11:00:00Z')).toEqual({ from: '2026-11-23T09:00:00.000Z', to: '2026-11-23T12:00:00.000Z' });
  });
});
