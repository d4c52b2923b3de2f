import { describe, expect, it } from 'vitest';

import { configOf, draftOf, isComplete, SETTINGS } from './config';

const LDAP = {
  kind: 'ldap' as const, flavour: 'openldap', servers: ['ldaps://a', 'ldaps://b'], ca_certificates: '-----BEGIN CERTIFICATE-----\nx\n', bind_dn: 'CN=xdr, OU=Service',
  base_dn: 'DC=example', timeout_seconds: 7, group_roles: [{ group: 'CN=SOC Leads,OU=Groups', role: 'soc_analyst' }],
};

describe('a provider’s settings', () => {
  it('come back from the form as they went in', () => {
    expect(configOf('ldap', draftOf('ldap', LDAP))).toEqual(LDAP);
  });

  it('are left out where they are left empty, so that the usual applies', () => {
    const draft = draftOf('saml', null);

    expect(configOf('saml', { ...draft, texts: { ...draft.texts, metadata: '<m/>', email_attribute: '  ' } })).toEqual({ kind: 'saml', metadata: '<m/>', group_roles: [] });
  });

  it('are complete once everything required is there and each group has a role', () => {
    const draft = draftOf('ldap', LDAP);

    expect(isComplete('ldap', draft)).toBe(true);
    expect(isComplete('ldap', { ...draft, texts: { ...draft.texts, base_dn: ' ' } })).toBe(false);
    expect(isComplete('ldap', { ...draft, groups: [{ group: 'CN=x', role: '' }] })).toBe(false);
  });

  it('lose a group whose name was cleared', () => {
    expect(configOf('ldap', { ...draftOf('ldap', LDAP), groups: [{ group: ' ', role: '' }] }).group_roles).toEqual([]);
  });

  it('are named once in each kind', () => {
    for (const settings of Object.values(SETTINGS)) expect(new Set(settings.map((one) => one.key)).size).toBe(settings.length);
  });
});
