import { describe, expect, it } from 'vitest';

import { matchedRange } from './highlight';

function marked(modifier: string | null, pattern: string, value: string): string | null {
  const range = matchedRange({ modifier, pattern, value });
  return range && value.slice(...range);
}

describe('the matched part of a value', () => {
  it('is found whatever the case', () => {
    expect(marked('contains', '-ENC ', 'powershell.exe -enc SQBFAFgA')).toBe('-enc ');
  });

  it('keeps its place beside characters that grow in lower case', () => {
    expect(marked('contains', 'evil', 'İİİ EVIL')).toBe('EVIL');
  });

  it('is the last occurrence for endswith', () => {
    const range = matchedRange({ modifier: 'endswith', pattern: '\\a.exe', value: 'C:\\a.exe\\a.exe' });

    expect(range).toEqual([8, 14]);
  });

  it('spans from the first to the last literal of a wildcard pattern', () => {
    expect(marked('like', '*cmd*/c*', 'C:\\cmd.exe /c dir')).toBe('cmd.exe /c');
  });

  it('is the whole value where the pattern is an expression, a network or a number', () => {
    expect(marked('matches', '(a+)+$', 'aaaaaaaa!')).toBe('aaaaaaaa!');
    expect(marked('cidr', '10.0.0.0/8', '10.1.2.3')).toBe('10.1.2.3');
  });

  it('heeds the case where the rule does', () => {
    expect(marked('contains (case-sensitive)', 'AB', 'ab AB')).toBe('AB');
  });

  it('takes stars as they are where the pattern is no wildcard', () => {
    expect(marked('contains', 'a*b', 'axb a*b')).toBe('a*b');
  });

  it('is nothing where the rule fires because the clause does not hold', () => {
    expect(matchedRange({ modifier: 'matches', pattern: 'x', value: 'abc', negated: true })).toBeNull();
  });

  it('is nothing where the pattern is not in the value', () => {
    expect(marked('contains', 'x', 'abc')).toBeNull();
    expect(matchedRange({ modifier: null, pattern: 'x', value: null })).toBeNull();
  });
});
