import { describe, expect, it } from 'vitest';

import { isAddress } from './passkeys';

describe('the host of a passkey', () => {
  it.each([['10.0.0.1', true], ['[2001:db8::1]', true], ['localhost', false], ['xdr.example.org', false], ['1and1.example', false]])(
    '%s is an address: %s', (host, expected) => expect(isAddress(host)).toBe(expected),
  );
});
