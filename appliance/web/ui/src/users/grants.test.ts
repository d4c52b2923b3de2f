import { describe, expect, it } from 'vitest';

import { chosenFrom, fieldMoment, roleTitle, wantedFrom } from './grants';

const UNTIL = '2026-12-24T18:30:15.123456+00:00';
const GRANTS = [
  { role: 'soc_analyst', expires_at: UNTIL, origin: 'local' },
  { role: 'incident_responder', expires_at: null, origin: 'local' },
  { role: 'security_admin', expires_at: null, origin: '0190-a-directory' },
];

describe('the roles of a person', () => {
  it('are those given here; what a directory gave is left alone', () => {
    expect([...chosenFrom(GRANTS).keys()]).toEqual(['soc_analyst', 'incident_responder']);
  });

  it('keep the exact moment at which they end when it was not touched', () => {
    expect(wantedFrom(chosenFrom(GRANTS), GRANTS)).toEqual([
      { role: 'soc_analyst', expires_at: UNTIL }, { role: 'incident_responder', expires_at: null },
    ]);
  });

  it('end at another moment, or never, when that was chosen', () => {
    const local = new Date(2027, 0, 2, 3, 4);

    expect(wantedFrom(new Map([['soc_analyst', '2027-01-02T03:04'], ['incident_responder', '']]), GRANTS)).toEqual([
      { role: 'soc_analyst', expires_at: local.toISOString() }, { role: 'incident_responder', expires_at: null },
    ]);
    expect(fieldMoment(local.toISOString())).toBe('2027-01-02T03:04');
  });

  it('lose their end when it is cleared', () => {
    expect(wantedFrom(new Map([['soc_analyst', '']]), GRANTS)).toEqual([{ role: 'soc_analyst', expires_at: null }]);
  });

  it('are called by the reader’s word, and roles of one’s own by their title', () => {
    const roles = [{ name: 'night_shift', title: 'Night shift', permissions: [], built_in: false }];

    expect([roleTitle('soc_analyst', roles), roleTitle('night_shift', roles)]).toEqual(['SOC analyst', 'Night shift']);
  });
});
