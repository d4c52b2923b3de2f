import { nextHead, recordStatement, textOf, type Bytes, type Keys } from './bytes';
import { object } from './json';
import { problem, type Problem } from './verdict';

/** One record as it was read. */
export interface ChainedRecord {
  seq: number;
  sealedAt: number;
  signature: Bytes;
  body: Bytes;
}

/** A record that was taken into the chain and whose signature has not been looked at yet. */
export interface Seen { record: ChainedRecord; leaf: Bytes; head: Bytes }

/** Who could have signed: the key in force, and others that the export names. */
export interface Signers { stream: Bytes; key: Bytes; others: readonly Bytes[]; keys: Keys }

/**
 * The place of the first record whose signature does not hold; null if the last one's does.
 *
 * Each signature covers, through the head, everything before it. So while records are as they were,
 * signatures hold, and from the first that is not, none does: the first is found by halving.
 */
export async function firstBad(signers: Signers, seen: readonly Seen[], isThorough: boolean): Promise<number | null> {
  if (isThorough) return firstBroken(signers, seen);
  const last = seen.at(-1);
  if (last === undefined || await holds(signers, signers.key, last)) return null;
  let low = 0;
  let high = seen.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const one = seen[middle];
    if (one !== undefined && await holds(signers, signers.key, one)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Looks at every signature: also finds one that was damaged without anything else. */
async function firstBroken(signers: Signers, seen: readonly Seen[]): Promise<number | null> {
  for (const [place, one] of seen.entries()) {
    if (!(await holds(signers, signers.key, one))) return place;
  }
  return null;
}

/** What was done to the first of `seen`, which does not hold; `before` is the head before it. */
export async function explain(signers: Signers, before: Bytes, seen: readonly Seen[]): Promise<Problem> {
  const [bad] = seen;
  if (bad === undefined) throw new RangeError('there is nothing to explain');
  const { seq } = bad.record;
  const entryId = entryIdOf(bad.record);
  for (const other of signers.others) {
    if (await holds(signers, other, bad)) return problem('key_swapped', seq, { entryId });
  }
  const there = await whereItWent(signers, before, seen);
  if (there === null) return problem('altered', seq, { entryId });
  if (there === 1 && !(await changedPlaces(signers, before, seen))) return problem('inserted', seq, { entryId });
  const moved = seen[there];
  return problem('reordered', seq, { entryId: moved ? entryIdOf(moved.record) : '' });
}

/** The id inside the body; "" if the body is none of ours any more. */
export function entryIdOf(record: ChainedRecord): string {
  try {
    const { id } = object(textOf(record.body));
    return typeof id === 'string' ? id : '';
  } catch {
    return '';
  }
}

function holds({ stream, keys }: Signers, key: Bytes, { record, head }: Seen): Promise<boolean> {
  return keys.hasSigned(key, record.signature, recordStatement(stream, record.seq, record.sealedAt, head));
}

/** The place further on of the record that was sealed where the first of `seen` stands now. */
async function whereItWent(signers: Signers, before: Bytes, seen: readonly Seen[]): Promise<number | null> {
  const [bad] = seen;
  if (bad === undefined) return null;
  for (const [index, one] of seen.slice(1).entries()) {
    const head = await nextHead(before, one.leaf);
    // Either whole records changed places, or only their bodies did and signatures stayed.
    if (await isSealed(signers, bad.record.seq, head, [bad, one])) return index + 1;
  }
  return null;
}

/** Whether the first of `seen` was sealed right after the second: then the two were exchanged. */
async function changedPlaces(signers: Signers, before: Bytes, seen: readonly Seen[]): Promise<boolean> {
  const [first, second] = seen;
  if (first === undefined || second === undefined) return false;
  const head = await nextHead(await nextHead(before, second.leaf), first.leaf);
  return isSealed(signers, first.record.seq + 1, head, [first, second]);
}

/** Whether one of these signatures is over that head at that place. */
async function isSealed({ stream, key, keys }: Signers, seq: number, head: Bytes, signed: readonly Seen[]): Promise<boolean> {
  for (const { record } of signed) {
    if (await keys.hasSigned(key, record.signature, recordStatement(stream, seq, record.sealedAt, head))) return true;
  }
  return false;
}
