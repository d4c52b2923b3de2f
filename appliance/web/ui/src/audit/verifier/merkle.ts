import { hexOf, nodeHash, sha256, type Bytes } from './bytes';

/**
 * The tree of RFC 6962, section 2.1, with leaves that only ever come at the end: kept as its peaks,
 * the roots of the perfect subtrees that the binary digits of its size name, largest first.
 */
export class Tree {
  constructor(public size = 0, private readonly peaks: Bytes[] = []) {
    if (peaks.length !== ones(size)) throw new RangeError(`a tree of ${size} leaves has ${ones(size)} peaks, not ${peaks.length}`);
  }

  async append(leaf: Bytes): Promise<void> {
    let node = leaf;
    for (let size = this.size; size % 2 === 1; size = Math.floor(size / 2)) {
      const left = this.peaks.pop();
      if (left !== undefined) node = await nodeHash(left, node);
    }
    this.peaks.push(node);
    this.size += 1;
  }

  async root(): Promise<Bytes> {
    const last = this.peaks.at(-1);
    if (last === undefined) return sha256();
    let root = last;
    for (const peak of this.peaks.slice(0, -1).reverse()) root = await nodeHash(peak, root);
    return root;
  }
}

export async function rootOf(leaves: readonly Bytes[]): Promise<Bytes> {
  const tree = new Tree();
  for (const leaf of leaves) await tree.append(leaf);
  return tree.root();
}

/** Whether `leaf` stands at `index` of the tree with that root (RFC 9162, section 2.1.3.2). */
export async function isIncluded(leaf: Bytes, index: number, size: number, proof: readonly Bytes[], root: string): Promise<boolean> {
  if (index >= size) return false;
  let at = index;
  let last = size - 1;
  let found = leaf;
  for (const step of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      found = await nodeHash(step, found);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      found = await nodeHash(found, step);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && hexOf(found) === root;
}

function ones(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
