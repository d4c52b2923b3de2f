import type { Clause } from '../api/schema';

/** The part of a value that a rule's clause matched, as [start, end) in UTF-16 units. */
export type Range = readonly [number, number];

const CASED = ' (case-sensitive)';
const LITERAL = new Set(['equals', 'contains', 'startswith', 'endswith']);

/**
 * Where the clause's pattern lies in the value, or null if that cannot be said for certain.
 *
 * Regular expressions come from imported rules and are never run in the browser: one crafted
 * pattern would freeze the page. Such clauses, like networks and numbers, mark the whole value.
 * What matched because the clause does *not* hold has no part to mark.
 */
export function matchedRange(clause: Pick<Clause, 'modifier' | 'pattern' | 'value' | 'negated'>): Range | null {
  const { value, pattern } = clause;
  if (value === null || value === '' || clause.negated === true) return null;
  const isCased = clause.modifier?.endsWith(CASED) ?? false;
  const modifier = clause.modifier?.replace(CASED, '') ?? 'like';
  if (modifier !== 'like' && !LITERAL.has(modifier)) return [0, value.length];
  const literals = modifier === 'like' ? pattern.split(/[*?]/).filter((part) => part !== '') : [pattern];
  const [first] = literals;
  if (first === undefined || first === '') return [0, value.length];
  return spanOf(value, literals, modifier === 'endswith', isCased);
}

function spanOf(value: string, literals: string[], fromEnd: boolean, cased: boolean): Range | null {
  const text = cased ? value : lowered(value);
  const wanted = cased ? literals : literals.map(lowered);
  let start = -1;
  let position = 0;
  for (const literal of wanted) {
    const found = fromEnd ? text.lastIndexOf(literal) : text.indexOf(literal, position);
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
