import { fingerprint, fromBase64url, fromHex, hexOf, leafHash, nextHead, rotationStatement, joined, textOf, type Bytes, type Keys } from './bytes';
import { digestOf, isSignedBy, type Checkpoint } from './checkpoint';
import { integer, list, object, text, type Json } from './json';
import { entryIdOf, explain, firstBad, type ChainedRecord, type Seen } from './localising';
import { rootOf, Tree } from './merkle';
import { problem, type Problem, type Verdict } from './verdict';

/** Signatures are looked at once in this many records: one vouches for all before it. */
const WINDOW = 4_096;
const NO_CHECKPOINT = '0'.repeat(64);
// Keys of RFC 8785 text are sorted, so the action comes first.
const ROTATED = '{"action":"audit.key_rotated"';
const SEALED_EVENTS = '{"action":"events.sealed"';
const LONGEST_ACTION = ROTATED.length;

export interface Start { size: number; head: Bytes; peaks: Bytes[] }

export interface ChainOptions {
  stream: string;
  rawStream: Bytes;
  /** The raw public key that signs the first record. */
  key: Bytes;
  /** Further keys that the export names; only to say which one a wrong signature is of. */
  others: readonly Bytes[];
  start: Start;
  /** Fingerprint of a key that is known to be right; "" for none. */
  pin: string;
  /** Checkpoints that were kept elsewhere. */
  expected: readonly Checkpoint[];
  keys: Keys;
  /** Look at every signature. */
  isThorough: boolean;
  /** Whether to remember the root of a segment of events, in `sealed`. */
  keepsSegment: (segment: string) => boolean;
}

/** Follows one stream from record to record and stops at the first that is wrong. */
export class Chain {
  problem: Problem | null = null;
  readonly sealed = new Map<string, { events: number; root: string }>();
  readonly #options: ChainOptions;
  readonly #tree: Tree;
  readonly #expected: Checkpoint[];
  readonly #signedBy: Bytes[];
  #key: Bytes;
  #head: Bytes;
  #window: Seen[] = [];
  #beforeWindow: Bytes;
  #lastAt = 0;
  #wentBack: { place: number; problem: Problem } | null = null;
  #checkpoints = 0;
  #previous: Checkpoint | null = null;
  #agreed: Checkpoint | null = null;
  #segments: Bytes[] = [];

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#tree = new Tree(options.start.size, [...options.start.peaks]);
    this.#head = this.#beforeWindow = options.start.head;
    this.#key = options.key;
    this.#signedBy = [options.key];
    this.#expected = options.expected.filter((one) => one.size > options.start.size).sort((one, other) => one.size - other.size);
  }

  get size(): number {
    return this.#tree.size;
  }

  /** Takes the next record in; false once something is wrong, after which nothing more is looked at. */
  async record(record: ChainedRecord): Promise<boolean> {
    if (record.seq !== this.size + 1) return this.#blame(() => outOfOrder(record, this.size));
    if (record.sealedAt < this.#lastAt) this.#wentBack ??= { place: this.#window.length, problem: problem('clock_back', record.seq, { entryId: entryIdOf(record) }) };
    this.#lastAt = record.sealedAt;
    const leaf = await leafHash(record.body);
    this.#head = await nextHead(this.#head, leaf);
    this.#window.push({ record, leaf, head: this.#head });
    await this.#tree.append(leaf);
    if (this.#window.length >= WINDOW && !(await this.#settle())) return false;
    if (!(await this.#lookInto(record))) return false;
    return this.#compareKept();
  }

  /** A record whose entry is gone. */
  missing(seq: number, entryId: string): Promise<boolean> {
    return this.#blame(() => seq === this.size + 1 ? problem('deleted', seq, { entryId }) : outOfOrder({ seq }, this.size));
  }

  /** Holds a checkpoint of the stream itself against the records so far. */
  async checkpoint(found: Checkpoint): Promise<boolean> {
    if (!(await this.#settle())) return false;
    this.problem = await this.#wrongWith(found);
    this.#checkpoints += 1;
    this.#previous = found;
    this.#segments = [];
    return this.problem === null;
  }

  /** The end of the file; without its last line it was cut off. */
  async finish(hasEnded: boolean): Promise<Verdict> {
    if (!hasEnded && this.problem === null) await this.#blame(() => problem('truncated', this.size + 1));
    if (await this.#settle()) this.problem = this.#missingEnd() ?? await this.#untrusted();
    return {
      stream: this.#options.stream, records: this.size, checkpoints: this.#checkpoints, head: hexOf(this.#head), root: hexOf(await this.#tree.root()),
      keys: await Promise.all(this.#signedBy.map(fingerprint)), isPinned: this.#options.pin !== '', events: null, problem: this.problem,
    };
  }

  /** Says what is wrong, unless something before it is. */
  async #blame(what: () => Problem): Promise<boolean> {
    if (await this.#settle()) this.problem = what();
    return false;
  }

  /** Looks at the last signature; it stands for all in the window. */
  async #settle(): Promise<boolean> {
    if (this.problem !== null) return false;
    const signers = { stream: this.#options.rawStream, key: this.#key, others: this.#others(), keys: this.#options.keys };
    const bad = await firstBad(signers, this.#window, this.#options.isThorough);
    if (this.#wentBack !== null && (bad === null || bad > this.#wentBack.place)) {
      this.problem = this.#wentBack.problem;
      return false;
    }
    if (bad !== null) {
      const before = bad === 0 ? this.#beforeWindow : this.#window[bad - 1]?.head ?? this.#beforeWindow;
      this.problem = (bad === 0 && this.#checkpoints === 0 ? await this.#untrusted() : null) ?? await explain(signers, before, this.#window.slice(bad));
      return false;
    }
    this.#window = [];
    this.#beforeWindow = this.#head;
    return true;
  }

  #others(): Bytes[] {
    const inForce = hexOf(this.#key);
    return this.#options.others.filter((one) => hexOf(one) !== inForce);
  }

  async #lookInto(record: ChainedRecord): Promise<boolean> {
    const begins = String.fromCharCode(...record.body.subarray(0, LONGEST_ACTION));
    const isRotation = begins.startsWith(ROTATED);
    if (!isRotation && !begins.startsWith(SEALED_EVENTS)) return true;
    try {
      const detail = object(object(textOf(record.body)).detail);
      if (isRotation) return await this.#rotate(detail, record.seq);
      await this.#noteSegments(detail);
      return true;
    } catch {
      return this.#blame(() => problem('altered', record.seq, { entryId: entryIdOf(record) }));
    }
  }

  /** The last record under the old key says who signs from now on; both keys say so. */
  async #rotate(detail: Json, seq: number): Promise<boolean> {
    if (!(await this.#settle())) return false;
    const [old, next] = [fromHex(text(detail.old)), fromHex(text(detail.new))];
    const statement = rotationStatement(this.#options.rawStream, old, next);
    const { keys } = this.#options;
    const isSigned = await keys.hasSigned(old, fromBase64url(text(detail.signed_by_old)), statement)
      && await keys.hasSigned(next, fromBase64url(text(detail.signed_by_new)), statement);
    if (!isSigned || hexOf(old) !== hexOf(this.#key)) return this.#blame(() => problem('key_swapped', seq));
    this.#key = next;
    this.#signedBy.push(next);
    return true;
  }

  async #noteSegments(detail: Json): Promise<void> {
    for (const one of list(detail.segments)) {
      const [segment, events, root] = list(one);
      const name = text(segment).toLowerCase();
      this.#segments.push(await leafHash(joined(fromHex(name), fromHex(text(root)))));
      if (this.#options.keepsSegment(name)) this.sealed.set(name, { events: integer(events), root: text(root) });
    }
  }

  /** What was kept elsewhere, against what is here at that size. */
  async #compareKept(): Promise<boolean> {
    for (let next = this.#expected[0]; next !== undefined && next.size <= this.size; next = this.#expected[0]) {
      this.#expected.shift();
      if (next.stream !== this.#options.stream) continue;
      if (!(await this.#settle())) return false;
      this.problem = await this.#disagreement(next);
      if (this.problem !== null) return false;
      this.#agreed = next;
    }
    return this.problem === null;
  }

  async #disagreement(kept: Checkpoint): Promise<Problem | null> {
    const signed = await Promise.all(this.#signedBy.map((key) => isSignedBy(kept, key, this.#options.keys)));
    if (!signed.includes(true)) return problem('key_swapped', this.#first, { checkpoint: kept.number });
    if (kept.head === hexOf(this.#head) && kept.root === hexOf(await this.#tree.root())) return null;
    return problem('forked', (this.#agreed?.size ?? 0) + 1, { checkpoint: kept.number });
  }

  /** What is wrong with a checkpoint of the stream's own, if anything. */
  async #wrongWith(found: Checkpoint): Promise<Problem | null> {
    const before = this.#previous;
    const at = { checkpoint: found.number };
    if (!(await isSignedBy(found, this.#key, this.#options.keys))) return problem(await this.#wrongSigner(found), found.size, at);
    if (before !== null && found.number !== before.number + 1) return problem('checkpoint_missing', before.size + 1, { checkpoint: before.number + 1 });
    if (found.size > this.size) return problem('truncated', this.size + 1, at);
    const isHere = found.size === this.size && found.head === hexOf(this.#head) && found.root === hexOf(await this.#tree.root()) && found.stream === this.#options.stream;
    if (!isHere) return problem('forked', before === null ? this.#first : before.size + 1, at);
    const previous = before !== null ? await digestOf(before) : this.#first === 1 ? NO_CHECKPOINT : null;
    if (previous !== null && found.previous !== previous) return problem('forked', found.size, at);
    if (before !== null && found.at < before.at) return problem('clock_back', found.size, at);
    const isWhole = before !== null || this.#first === 1;
    const isEvents = found.segments === this.#segments.length && found.eventsRoot === hexOf(await rootOf(this.#segments));
    return isWhole && !isEvents ? problem('events_altered', found.size, at) : null;
  }

  async #wrongSigner(found: Checkpoint): Promise<'checkpoint_altered' | 'key_swapped'> {
    const ours = new Set(this.#signedBy.map(hexOf));
    for (const other of this.#options.others) {
      if (await isSignedBy(found, other, this.#options.keys)) return ours.has(hexOf(other)) ? 'checkpoint_altered' : 'key_swapped';
    }
    return 'checkpoint_altered';
  }

  /** What was kept elsewhere covers more than there is. */
  #missingEnd(): Problem | null {
    const beyond = this.#expected.find((one) => one.stream === this.#options.stream);
    if (beyond === undefined) return null;
    const isClosed = this.#previous?.size === this.size;
    return problem(isClosed ? 'rolled_back' : 'truncated', this.size + 1, { checkpoint: beyond.number });
  }

  async #untrusted(): Promise<Problem | null> {
    const { pin } = this.#options;
    if (pin === '' || (await Promise.all(this.#signedBy.map(fingerprint))).includes(pin)) return null;
    return problem('key_swapped', this.#first);
  }

  get #first(): number {
    return this.#options.start.size + 1;
  }
}

function outOfOrder(record: { seq: number } & Partial<ChainedRecord>, size: number): Problem {
  if (record.seq > size + 1) return problem('deleted', size + 1);
  return problem('reordered', record.seq, { entryId: record.body ? entryIdOf(record as ChainedRecord) : '' });
}
