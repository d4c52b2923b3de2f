import { describe, expect, it } from 'vitest';

import { fieldText, inertSegments, inertText } from './inert';

describe('inert text', () => {
  it('shows ordinary text of any script as it is', () => {
    const text = 'C:\\Windows\\système – Привет 日本語 👩 <b>&amp;</b>';

    expect(inertText(text)).toBe(text);
  });

  it('turns a direction override into its code point', () => {
    expect(inertText('invoice\u202efdp.exe')).toBe('invoice‹U+202E›fdp.exe');
  });

  it('turns control characters into their names', () => {
    expect(inertText('a\u0000b\u001b[31m\u007f')).toBe('a‹NUL›b‹ESC›[31m‹DEL›');
  });

  it('keeps line breaks and tabs only where lines are wanted', () => {
    expect(inertText('a\n\tb\r', true)).toBe('a\n\tb‹CR›');
    expect(inertText('a\n\tb')).toBe('a‹LF›‹TAB›b');
  });

  it.each([0x00a0, 0x061c, 0x200b, 0x200d, 0x2028, 0x2066, 0x2069, 0xfeff, 0x3164, 0xe0041])(
    'never leaves U+%s invisible', (code) => {
      const shown = inertText(`x${String.fromCodePoint(code)}y`);

      expect(shown).toBe(`x‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›y`);
    },
  );

  it('shows a lone surrogate instead of breaking on it', () => {
    expect(inertText('a\ud800b')).toBe('a‹U+D800›b');
  });

  it('loses nothing: the raw parts joined are the input', () => {
    const hostile = Array.from({ length: 0x3200 }, (_, code) => String.fromCodePoint(code)).join('');

    expect(inertSegments(hostile).map((part) => part.raw).join('')).toBe(hostile);
  });

  it('writes values that are not text as JSON', () => {
    expect([fieldText('x'), fieldText(4), fieldText(['a', 1]), fieldText(null), fieldText(undefined)])
      .toEqual(['x', '4', '["a",1]', 'null', '']);
  });
});
