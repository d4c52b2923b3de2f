import type { Clause } from '../api/schema';

/** The part of a value that a rule's clause matched, as [start, end) in UTF-16 units. */
export type Range = readonly [number, number];

/**
 * Where the clause's pattern lies in the value, or null if that cannot be said for certain.
 *
 * Regular expressions come from imported rules and are never run in the browser: one crafted
 * pattern would freeze the page. Such clauses, like networks and numbers, mark the whole value.
 */
export function matchedRange(clause: Pick<Clause, 'modifier' | 'pattern' | 'value'>): Range | null {
  const { value, pattern } = clause;
  if (value === null || value === '') return null;
  const modifiers = (clause.modifier ?? '').split('|');
  if (modifiers.some((name) => WHOLE.has(name))) return [0, value.length];
  const literals = pattern.split(/(?<!\\)[*?]/).map(unescaped).filter((part) => part !== '');
  const [first] = literals;
  if (first === undefined) return [0, value.length];
  return spanOf(value, literals, modifiers.includes('endswith'), modifiers.includes('cased'));
}

const WHOLE = new Set(['re', 'i', 'm', 's', 'cidr', 'gt', 'gte', 'lt', 'lte', 'exists', 'fieldref']);

function spanOf(value: string, literals: string[], fromEnd: boolean, cased: boolean): Range | null {
  const text = cased ? value : lowered(value);
  const wanted = cased ? literals : literals.map(lowered);
  let start = -1;
  let position = 0;
  for (const literal of wanted) {
    const found = fromEnd && wanted.length === 1 ? text.lastIndexOf(literal) : text.indexOf(literal, position);
    if (found === -1) return null;
    if (start === -1) start = found;
    position = found + literal.length;
  }
  return [start, position];
}

/** Lower case that keeps every index: the few characters whose lower form is longer stay. */
function lowered(text: string): string {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  return Array.from(text, (one) => (one.toLowerCase().length === one.length ? one.toLowerCase() : one)).join('');
}

function unescaped(part: string): string {
  return part.replace(/\\([*?\\])/g, '$1');
}
