import { expect, it } from 'vitest';

import { byArea } from './permissions';

it('permissions stand together by what they are about', () => {
  expect(byArea(['users:view', 'audit:view', 'users:edit'])).toEqual([['users', ['users:view', 'users:edit']], ['audit', ['audit:view']]]);
});
