import { describe, expect, it } from 'vitest';

import { completed, fieldBeingTyped } from './completion';

describe('completion of field names', () => {
  it.each([['Ima', 0, 'Ima'], ['a:1 AND (Com', 9, 'Com'], ['NOT winlog.ev', 4, 'winlog.ev']])(
    'is offered in %j', (text, start, prefix) => {
      expect(fieldBeingTyped(text, text.length)).toEqual({ start, prefix });
    },
  );

  it.each(['Image:cm', 'a:1 AND', '"two wor', '', 'a:1 '])('is not offered in %j', (text) => {
    expect(fieldBeingTyped(text, text.length)).toBeNull();
  });

  it('puts the field in place and keeps the rest', () => {
    expect(completed('Ima OR b:2', 3, { start: 0, prefix: 'Ima' }, 'Image')).toEqual(['Image: OR b:2', 6]);
  });
});
