import { bytesOf, eight, fromHex, hexOf, joined, leafHash, sha256, type Bytes } from './bytes';
import { integer, list, object, text } from './json';
import { rootOf } from './merkle';
import { problem, type Kind, type Problem } from './verdict';

const EVENT = bytesOf('xdr-event-v1\n');
const SOURCE = bytesOf('xdr-source-v1\n');

export type Sealed = ReadonlyMap<string, { events: number; root: string }>;
export interface Asked { source: string; fromMS: number; toMS: number }

/** When the events of a segment were received, in milliseconds: the upper 48 bits of its name. */
export function receivedMS(segment: string): number {
  return Number.parseInt(segment.slice(0, 12), 16);
}

/** An event's id is its segment's plus a place below 2^20: five digits. */
export function segmentOf(event: string): string {
  return `${event.slice(0, 27)}00000`;
}

/** Proves that nothing from a source was removed or altered between two moments of receipt. */
export class Period {
  problem: Problem | null = null;
  segments = 0;
  events = 0;
  #claimed: { name: string; events: number; root: string } | null = null;
  #leaves: { id: string; leaf: Bytes }[] = [];
  readonly #shown = new Set<string>();

  constructor(private readonly asked: Asked) {}

  contains(segment: string): boolean {
    return this.asked.fromMS <= receivedMS(segment) && receivedMS(segment) < this.asked.toMS;
  }

  /** One segment with what it holds of each source, against what was sealed of it. */
  async segment(line: string, sealed: Sealed): Promise<void> {
    await this.#close();
    const said = object(line);
    const name = text(said.segment).toLowerCase();
    const sources = list(said.sources).map((one) => {
      const [id, events, root] = list(one);
      return { id: text(id).toLowerCase(), events: integer(events), root: text(root).toLowerCase() };
    });
    const expected = sealed.get(name);
    const isAscending = sources.every((one, index) => index === 0 || (sources[index - 1]?.id ?? '') < one.id);
    const total = sources.reduce((sum, one) => sum + one.events, 0);
    if (expected?.events !== total || !isAscending || expected.root !== await segmentRoot(sources)) this.#blame('events_altered', name);
    this.#shown.add(name);
    this.segments += 1;
    const own = sources.find((one) => one.id === this.asked.source);
    this.#claimed = { name, events: own?.events ?? 0, root: own?.root ?? hexOf(await sha256()) };
  }

  /** One event of the source, after its segment. */
  async event(id: string, original: Bytes): Promise<void> {
    if (this.#claimed?.name !== segmentOf(id)) this.#blame('events_altered', segmentOf(id));
    this.#leaves.push({ id, leaf: await leafHash(joined(EVENT, fromHex(id), await sha256(original))) });
    this.events += 1;
  }

  /** Every segment that was sealed in the period has to be there, or its day has to be retired. */
  async finish(sealed: Sealed, droppedDays: ReadonlySet<string>): Promise<void> {
    await this.#close();
    for (const name of [...sealed.keys()].filter((one) => this.contains(one) && !this.#shown.has(one)).sort()) {
      if (!droppedDays.has(new Date(receivedMS(name)).toISOString().slice(0, 10))) this.#blame('events_missing', name);
    }
  }

  async #close(): Promise<void> {
    const claimed = this.#claimed;
    if (claimed !== null) {
      const leaves = this.#leaves.toSorted((one, other) => one.id < other.id ? -1 : 1).map((one) => one.leaf);
      if (leaves.length < claimed.events) this.#blame('events_missing', claimed.name);
      else if (hexOf(await rootOf(leaves)) !== claimed.root) this.#blame('events_altered', claimed.name);
    }
    this.#claimed = null;
    this.#leaves = [];
  }

  #blame(kind: Kind, segment: string): void {
    this.problem ??= problem(kind, 0, { segment });
  }
}

async function segmentRoot(sources: readonly { id: string; events: number; root: string }[]): Promise<string> {
  const leaves = await Promise.all(sources.map(({ id, events, root }) => leafHash(joined(SOURCE, fromHex(id), eight(events), fromHex(root)))));
  return hexOf(await rootOf(leaves));
}
