import { describe, expect, it } from 'vitest';

import { asAddress, asQuery, readAuditFilters } from './filters';

describe('the filters of the audit trail', () => {
  it('are kept in the address and read from there', () => {
    const filters = { by: 'u', action: 'user.', subject: 's', outcome: 'denied', since: '2026-01-02T03:04', until: '', seals: true };

    expect(readAuditFilters(new URLSearchParams(asAddress(filters)))).toEqual(filters);
    expect(asAddress(readAuditFilters(new URLSearchParams()))).toEqual({});
  });

  it('ask in UTC, and only for what was chosen', () => {
    const since = '2026-01-02T03:04';

    expect(asQuery(readAuditFilters(new URLSearchParams({ action: 'user.', since })))).toEqual({
      action: 'user.', since: new Date(2026, 0, 2, 3, 4).toISOString(), until: undefined,
    });
    expect(asQuery(readAuditFilters(new URLSearchParams({ since: 'soon' })))).toEqual({ since: undefined, until: undefined });
  });
});
