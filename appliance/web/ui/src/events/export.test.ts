import { describe, expect, it } from 'vitest';

import type { EventSummary } from '../api/schema';
import { eventsAsCSV } from './export';

function event(fields: Record<string, unknown>): EventSummary {
  return {
    id: 'e1', event_time: '2026-01-01T00:00:00Z', received_at: '2026-01-01T00:00:01Z', host: 'h', kind: 'k',
    channel: null, code: '1', source: { id: 's', name: '=evil' }, summary: 'sum', fields,
  };
}

describe('events as CSV', () => {
  it('have a column for every field any event has, and no live formula', () => {
    const lines = eventsAsCSV([event({ b: '@SUM(1)' }), event({ a: ['x'] })]).split('\r\n');

    expect(lines[0]?.endsWith('"summary","a","b"')).toBe(true);
    expect(lines[1]).toContain(`"'=evil"`);
    expect(lines[1]?.endsWith(`"sum","","'@SUM(1)"`)).toBe(true);
    expect(lines[2]?.endsWith('"sum","[""x""]",""')).toBe(true);
  });
});
