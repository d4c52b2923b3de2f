import { describe, expect, it } from 'vitest';

import { csvCell, csvFile } from './csv';

describe('a CSV cell', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '\u0000=1', '  =cmd|calc', '＝1'])(
    'beginning like a formula is disarmed: %j', (value) => {
      expect(csvCell(value).startsWith(`"'`)).toBe(true);
    },
  );

  it('that is ordinary stays as it is', () => {
    expect(csvCell('C:\\a-b=c.exe')).toBe('"C:\\a-b=c.exe"');
  });

  it('doubles its quotes', () => {
    expect(csvCell('say "hi"')).toBe('"say ""hi"""');
  });

  it('shows invisible characters', () => {
    expect(csvCell('a\u202eb\u0000')).toBe('"a‹U+202E›b‹NUL›"');
  });
});

describe('a CSV file', () => {
  it('has CRLF line ends and a header, and keeps a line break inside its cell', () => {
    expect(csvFile(['a', 'b'], [['1', 'x\ny']])).toBe('\ufeff"a","b"\r\n"1","x\ny"\r\n');
  });
});
