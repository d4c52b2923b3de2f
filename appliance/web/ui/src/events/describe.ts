import type { QueryTree } from '../api/schema';
import { t, word } from '../language/language';

/** How the appliance understands a query, in words, so that a misreading is seen before a result is trusted. */
export function describeTree(tree: QueryTree, nested = false): string {
  switch (tree.op) {
    case 'and':
    case 'or': {
      const joined = tree.of.map((one) => describeTree(one, true)).join(` ${word('query', tree.op)} `);
      return nested ? `(${joined})` : joined;
    }
    case 'not':
      return `${word('query', 'not')} ${describeTree(tree.of, true)}`;
    case 'text':
      return t('query.text', { value: tree.value });
    case 'entity':
      return t('query.entity', { kind: word('entity', tree.kind), value: tree.value });
    case 'exists':
      return `${tree.field} ${word('query', 'exists')}`;
    default:
      return `${tree.field} ${word('query', tree.op)} “${tree.value ?? ''}”`;
  }
}
