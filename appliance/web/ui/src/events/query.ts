import type { FieldOperator, QueryTree } from '../api/schema';

/**
 * The query box's small language, parsed into the tree the API takes.
 *
 *   Image:*\cmd.exe AND NOT User:"NT AUTHORITY\SYSTEM"     a star only at the ends
 *   (DestinationIp:10.0.0.0/8 OR DestinationPort:>1024)     network, comparison
 *   CommandLine:*" -enc "*   entity.user:root               stars round quotes; an entity in any field
 *   CommandLine:*   mimikatz   "two words"                  exists; free text; AND is implied
 *
 * A backslash is itself, except before `*`, `(`, `)` or `"`. Inside quotes only `\"` is special, and
 * backslashes directly before a quote pair up, so that "C:\Windows\\" ends with one backslash.
 */
export class QueryError extends Error {
  override readonly name = 'QueryError';

  constructor(
    readonly code: 'value' | 'star' | 'open' | 'close' | 'quote' | 'operand' | 'deep' | 'long',
    /** Where in the text, counted from 0. */
    readonly position: number,
  ) {
    super(`${code} at ${position}`);
  }
}

export const MAX_QUERY_LENGTH = 8_192;
/** The appliance takes no deeper tree. */
const MAX_DEPTH = 12;
const STAR = '\uE000'; // stands for an unescaped star while a word is read

type Token =
  | { kind: 'and' | 'or' | 'not' | 'open' | 'close'; at: number }
  | { kind: 'term'; at: number; field: string | null; value: string; quoted: boolean; before: boolean; after: boolean };

/** The tree for a text; null for an empty one, which means every event. */
export function parseQuery(text: string): QueryTree | null {
  if (text.length > MAX_QUERY_LENGTH) throw new QueryError('long', MAX_QUERY_LENGTH);
  const tokens = tokenize(text);
  if (tokens.length === 0) return null;
  const parser = new Parser(tokens, text.length);
  return parser.parse();
}

/** A clause for one field and value that finds exactly that value again. */
export function queryFor(field: string, value: string): string {
  return `${field}:${quoted(value)}`;
}

/** A tree as text that parses to the same tree; for searches that the appliance proposes. */
export function writeQuery(tree: QueryTree): string {
  switch (tree.op) {
    case 'and':
    case 'or':
      return `(${tree.of.map(writeQuery).join(` ${tree.op.toUpperCase()} `)})`;
    case 'not':
      return `NOT ${writeQuery(tree.of)}`;
    case 'text':
      return quoted(tree.value);
    case 'entity':
      return queryFor(`${ENTITY}${tree.kind}`, tree.value);
    default:
      return writeLeaf(tree.op, tree.field, tree.value ?? '');
  }
}

function writeLeaf(op: FieldOperator, field: string, value: string): string {
  switch (op) {
    case 'exists': return `${field}:*`;
    case 'contains': return `${field}:*${quoted(value)}*`;
    case 'startswith': return `${field}:${quoted(value)}*`;
    case 'endswith': return `${field}:*${quoted(value)}`;
    case 'cidr': return `${field}:${value}`;
    case 'is': return queryFor(field, value);
    default: return `${field}:${COMPARISONS.find(([, one]) => one === op)?.[0] ?? ''}${value}`;
  }
}

/** The value in quotation marks: a backslash counts double only before a mark or the end. */
export function quoted(value: string): string {
  const inside = value.replace(/(\\*)("|$)/g, (_, slashes: string, end: string) => slashes + slashes + (end === '"' ? '\\"' : ''));
  return `"${inside}"`;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (/\s/.test(character)) {
      at += 1;
    } else if (character === '(' || character === ')') {
      tokens.push({ kind: character === '(' ? 'open' : 'close', at });
      at += 1;
    } else {
      const [token, next] = readTerm(text, at);
      tokens.push(token);
      at = next;
    }
  }
  return tokens;
}

const FIELD = /[\p{L}_@][\p{L}\p{N}_.@-]*:/uy;
const NOT_A_FIELD = /[A-Za-z]:\\|[A-Za-z][A-Za-z0-9+.-]*:\/\//y; // C:\… and https://…

function readTerm(text: string, at: number): [Token, number] {
  const field = fieldAt(text, at);
  const start = at + (field === null ? 0 : field.length + 1);
  const before = text.startsWith('*"', start);
  if (before || text.charAt(start) === '"') {
    const [value, next] = readQuoted(text, start + (before ? 1 : 0));
    const after = text.charAt(next) === '*';
    return [{ kind: 'term', at, field, value, quoted: true, before, after }, next + (after ? 1 : 0)];
  }
  const [value, next] = readWord(text, start);
  if (field === null && KEYWORDS.has(value)) return [{ kind: keyword(value), at }, next];
  if (value === '') throw new QueryError('value', start);
  const ends = trimmed(value);
  return [{ kind: 'term', at, field, ...ends, quoted: false }, next];
}

const KEYWORDS = new Set(['AND', 'OR', 'NOT']);

function keyword(value: string): 'and' | 'or' | 'not' {
  return value.toLowerCase() as 'and' | 'or' | 'not';
}

function fieldAt(text: string, at: number): string | null {
  NOT_A_FIELD.lastIndex = at;
  if (NOT_A_FIELD.test(text)) return null;
  FIELD.lastIndex = at;
  const found = FIELD.exec(text);
  return found === null ? null : found[0].slice(0, -1);
}

function readWord(text: string, start: number): [string, number] {
  let value = '';
  let at = start;
  while (at < text.length && !/[\s()]/.test(text.charAt(at))) {
    const escaped = text.charAt(at) === '\\' && /[*()"]/.test(text.charAt(at + 1));
    if (escaped) at += 1;
    value += !escaped && text.charAt(at) === '*' ? STAR : text.charAt(at);
    at += 1;
  }
  return [value, at];
}

function readQuoted(text: string, start: number): [string, number] {
  let value = '';
  let at = start + 1;
  for (;;) {
    const slashes = /\\*/y;
    slashes.lastIndex = at;
    const run = slashes.exec(text)?.[0].length ?? 0;
    const character = text.charAt(at + run);
    if (character === '') throw new QueryError('quote', start);
    if (character !== '"') {
      value += '\\'.repeat(run) + character;
      at += run + 1;
      continue;
    }
    value += '\\'.repeat(Math.floor(run / 2));
    at += run + 1;
    if (run % 2 === 0) return [value, at];
    value += '"';
  }
}

class Parser {
  private position = 0;
  private depth = 0;

  constructor(private readonly tokens: Token[], private readonly end: number) {}

  parse(): QueryTree {
    const tree = this.either();
    const rest = this.tokens[this.position];
    if (rest) throw new QueryError('close', rest.at);
    return tree;
  }

  private either(): QueryTree {
    const of = [this.both()];
    while (this.take('or')) of.push(this.both());
    return joined('or', of);
  }

  private both(): QueryTree {
    const of = [this.negated()];
    for (;;) {
      const explicit = this.take('and');
      const next = this.tokens[this.position]?.kind;
      if (!explicit && (next === undefined || next === 'or' || next === 'close')) return joined('and', of);
      of.push(this.negated());
    }
  }

  private negated(): QueryTree {
    this.deeper();
    const tree: QueryTree = this.take('not') ? { op: 'not', of: this.negated() } : this.single();
    this.depth -= 1;
    return tree;
  }

  private single(): QueryTree {
    const token = this.tokens[this.position];
    if (token?.kind === 'term') {
      this.position += 1;
      return leaf(token);
    }
    if (token?.kind !== 'open') throw new QueryError('operand', token?.at ?? this.end);
    this.position += 1;
    const tree = this.either();
    if (!this.take('close')) throw new QueryError('open', token.at);
    return tree;
  }

  private deeper(): void {
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new QueryError('deep', this.tokens[this.position]?.at ?? this.end);
  }

  private take(kind: Token['kind']): boolean {
    if (this.tokens[this.position]?.kind !== kind) return false;
    this.position += 1;
    return true;
  }
}

function joined(op: 'and' | 'or', of: QueryTree[]): QueryTree {
  const [only] = of;
  return of.length === 1 && only ? only : { op, of };
}

type Term = Extract<Token, { kind: 'term' }>;

function leaf(term: Term): QueryTree {
  const { field, value } = term;
  if (value.includes(STAR)) throw new QueryError('star', term.at);
  if (field === null) return freeText(term);
  if (field.startsWith(ENTITY)) return { op: 'entity', kind: field.slice(ENTITY.length), value };
  return (term.quoted || term.before || term.after ? null : comparison(term, field)) ?? pattern(term, field);
}

function freeText({ value, at }: Term): QueryTree {
  if (value === '') throw new QueryError('value', at);
  return { op: 'text', value };
}

const ENTITY = 'entity.';
const COMPARISONS: readonly (readonly [string, FieldOperator])[] = [
  ['>=', 'gte'], ['<=', 'lte'], ['>', 'gt'], ['<', 'lt'],
];
const NETWORK = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)\/\d{1,3}$/i;

function comparison(term: Term, field: string): QueryTree | null {
  for (const [sign, op] of COMPARISONS) {
    if (!term.value.startsWith(sign)) continue;
    const value = term.value.slice(sign.length);
    if (value === '') throw new QueryError('value', term.at + field.length + 1 + sign.length);
    if (!/^-?\d+(\.\d+)?$/.test(value)) break;
    return { op, field, value };
  }
  return NETWORK.test(term.value) ? { op: 'cidr', field, value: term.value } : null;
}

function pattern({ value, quoted: isQuoted, before, after }: Term, field: string): QueryTree {
  if (value === '' && !isQuoted) return { op: 'exists', field };
  if (before && after) return { op: 'contains', field, value };
  if (before) return { op: 'endswith', field, value };
  return { op: after ? 'startswith' : 'is', field, value };
}

/** A word without the stars at its ends, and where there were some. */
function trimmed(word: string): { value: string; before: boolean; after: boolean } {
  let first = 0;
  let last = word.length;
  while (first < last && word.charAt(first) === STAR) first += 1;
  while (last > first && word.charAt(last - 1) === STAR) last -= 1;
  return { value: word.slice(first, last), before: first > 0, after: last < word.length };
}
