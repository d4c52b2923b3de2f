import { describe, expect, it } from 'vitest';

import type { QueryTree } from '../api/schema';
import { parseQuery, QueryError, queryFor, writeQuery } from './query';

const is = (field: string, value: string) => ({ op: 'is', field, value });

function errorOf(text: string): [string, number] {
  try {
    parseQuery(text);
  } catch (error) {
    if (error instanceof QueryError) return [error.code, error.position];
  }
  throw new Error(`no error for ${text}`);
}

describe('the query box', () => {
  it('reads nothing as every event', () => {
    expect(parseQuery('  \n ')).toBeNull();
  });

  it('reads a field and its value', () => {
    expect(parseQuery('User:root')).toEqual(is('User', 'root'));
  });

  it.each([
    ['CommandLine:*mimi*', { op: 'contains', field: 'CommandLine', value: 'mimi' }],
    ['Image:*\\cmd.exe', { op: 'endswith', field: 'Image', value: '\\cmd.exe' }],
    ['Image:C:\\Win*', { op: 'startswith', field: 'Image', value: 'C:\\Win' }],
    ['Hashes:*', { op: 'exists', field: 'Hashes' }],
    ['Image:a\\*b', is('Image', 'a*b')],
    ['DestinationIp:10.0.0.0/8', { op: 'cidr', field: 'DestinationIp', value: '10.0.0.0/8' }],
    ['DestinationIp:2001:db8::/32', { op: 'cidr', field: 'DestinationIp', value: '2001:db8::/32' }],
    ['DestinationIp:2001:db8::1', is('DestinationIp', '2001:db8::1')],
    ['DestinationPort:>1024', { op: 'gt', field: 'DestinationPort', value: '1024' }],
    ['DestinationPort:<=80', { op: 'lte', field: 'DestinationPort', value: '80' }],
    ['x:<script>', is('x', '<script>')],
    ['CommandLine:*" -enc "*', { op: 'contains', field: 'CommandLine', value: ' -enc ' }],
    ['Image:*"\\a b.exe"', { op: 'endswith', field: 'Image', value: '\\a b.exe' }],
    ['Image:"C:\\Program Files"*', { op: 'startswith', field: 'Image', value: 'C:\\Program Files' }],
    ['entity.user:root', { op: 'entity', kind: 'user', value: 'root' }],
    ['winlog.event_id:1', is('winlog.event_id', '1')],
  ])('reads %s', (text, tree) => {
    expect(parseQuery(text)).toEqual(tree);
  });

  it('joins neighbours with AND, and OR binds looser', () => {
    expect(parseQuery('a:1 b:2 OR c:3 AND d:4')).toEqual({
      op: 'or',
      of: [
        { op: 'and', of: [is('a', '1'), is('b', '2')] },
        { op: 'and', of: [is('c', '3'), is('d', '4')] },
      ],
    });
  });

  it('negates one term or a group', () => {
    expect(parseQuery('NOT a:1 AND NOT (b:2 OR c:3)')).toEqual({
      op: 'and',
      of: [
        { op: 'not', of: is('a', '1') },
        { op: 'not', of: { op: 'or', of: [is('b', '2'), is('c', '3')] } },
      ],
    });
  });

  it('takes the rest as free text, also paths and addresses that look like fields', () => {
    expect(parseQuery('mimikatz "two words" C:\\Windows\\x https://evil.example/a')).toEqual({
      op: 'and',
      of: ['mimikatz', 'two words', 'C:\\Windows\\x', 'https://evil.example/a'].map((value) => ({
        op: 'text', value,
      })),
    });
  });

  it('keeps stars and backslashes in quotes as they are', () => {
    expect(parseQuery(String.raw`a:"\\srv\*x*" b:"say \"hi\"" c:"C:\Windows\\"`)).toEqual({
      op: 'and',
      of: [is('a', '\\\\srv\\*x*'), is('b', 'say "hi"'), is('c', 'C:\\Windows\\')],
    });
  });

  it('treats and, or, not in small letters as text', () => {
    expect(parseQuery('or')).toEqual({ op: 'text', value: 'or' });
  });

  it.each([
    ['a:', 'value', 2],
    ['a:>', 'value', 3],
    ['a:x*y', 'star', 0],
    ['x*y', 'star', 0],
    ['(a:1', 'open', 0],
    ['a:1)', 'close', 3],
    ['a:"x', 'quote', 2],
    ['a:1 AND', 'operand', 7],
    ['OR a:1', 'operand', 0],
    ['()', 'operand', 1],
    ['('.repeat(40) + 'a:1' + ')'.repeat(40), 'deep', 12],
    ['x'.repeat(9000), 'long', 8192],
  ])('says where %s goes wrong', (text, code, position) => {
    expect(errorOf(text)).toEqual([code, position]);
  });

  it.each(['plain', 'C:\\Windows\\', 'say "hi"', 'a\\"b', '\\\\', '*', '', 'x) OR (y:*'])(
    'finds exactly %j again by its own clause', (value) => {
      expect(parseQuery(queryFor('f', value))).toEqual(is('f', value));
    },
  );

  it('reads again what it writes', () => {
    const tree: QueryTree = {
      op: 'and',
      of: [
        { op: 'not', of: { op: 'or', of: [{ op: 'text', value: 'a "b' }, { op: 'exists', field: 'x' }] } },
        { op: 'contains', field: 'f', value: ' -enc ' }, { op: 'startswith', field: 'f', value: 'C:\\' },
        { op: 'endswith', field: 'f', value: '*' }, { op: 'cidr', field: 'ip', value: '2001:db8::/32' },
        { op: 'lte', field: 'n', value: '7' }, { op: 'gt', field: 'n', value: '-1.5' },
        { op: 'entity', kind: 'host', value: 'a b' },
      ],
    };

    expect(parseQuery(writeQuery(tree))).toEqual(tree);
  });
});
