import { fromBase64url, fromHex, Keys, NotAnExport, textOf, type Bytes } from './bytes';
import { Chain } from './chain';
import { readCheckpoint, type Checkpoint } from './checkpoint';
import { Period, type Asked } from './evidence';
import { integer, list, object, text } from './json';
import type { Verdict } from './verdict';

/**
 * The verdict on an export of the audit trail, reached from its bytes alone
 * (docs/security/audit-format.md). Nothing here asks the appliance, or believes it.
 */
const LINE_FEED = 10;
const DROPPED = '{"action":"events.day_dropped"';
/** The page gets to draw after this many lines. */
const BREATH_LINES = 2_000;

export interface VerifyOptions {
  /** Fingerprint of a key that is known to be right; "" for none. */
  pin?: string;
  /** Checkpoints that were kept elsewhere. */
  expected?: readonly Checkpoint[];
  /** Look at every signature, not only at those that vouch for all before. */
  isThorough?: boolean;
  /** Told how much of the file has been read, from 0 to 1. */
  progress?: (share: number) => void;
  signal?: AbortSignal;
}

interface Header { chain: Chain; period: Period | null }

/** Throws NotAnExport if the file cannot be read as one, and the signal's reason if it was stopped. */
export async function verify(file: Bytes, options: VerifyOptions = {}): Promise<Verdict> {
  const lines = linesOf(file);
  const first = lines.next();
  const { chain, period } = header(first.done ? '' : textOf(first.value.line), options);
  const dropped = new Set<string>();
  let hasEnded = false;
  let count = 0;
  for (const { line, end } of lines) {
    if (hasEnded) throw new NotAnExport('there are lines after the last one');
    count += 1;
    if (count % BREATH_LINES === 0) await breathe(end / file.length, options);
    const kind = String.fromCharCode(...line.subarray(0, 2));
    if (kind === 'Z ') hasEnded = true;
    else if (!(await take(kind, line, chain, period, dropped))) return chain.finish(true);
  }
  const verdict = await chain.finish(hasEnded);
  if (period === null || verdict.problem !== null) return verdict;
  await period.finish(chain.sealed, dropped);
  return { ...verdict, events: { segments: period.segments, events: period.events }, problem: period.problem };
}

/** One line; false once something is wrong in the chain. */
async function take(kind: string, line: Bytes, chain: Chain, period: Period | null, dropped: Set<string>): Promise<boolean> {
  switch (kind) {
    case 'E ': {
      const [, seq, sealedAt, signature] = fieldsOf(line, 4);
      const body = bodyOf(line, 4);
      noteDropped(body, dropped);
      return chain.record({ seq: integer(seq), sealedAt: integer(sealedAt), signature: signatureOf(signature), body });
    }
    case 'M ': {
      const [, seq, , , , entry = ''] = textOf(line).split(' ');
      return chain.missing(integer(seq), entry);
    }
    case 'C ': {
      const [, signature] = fieldsOf(line, 2);
      return chain.checkpoint(readCheckpoint(bodyOf(line, 2), signatureOf(signature)));
    }
    case 'S ':
      if (period === null) break;
      await period.segment(textOf(bodyOf(line, 1)), chain.sealed);
      return true;
    case 'V ': {
      if (period === null) break;
      const [, id, original] = textOf(line).split(' ');
      await period.event(text(id).toLowerCase(), fromBase64url(text(original)));
      return true;
    }
  }
  throw new NotAnExport(`a line after record ${chain.size} is of no kind of ours`);
}

function header(line: string, { pin = '', expected = [], isThorough = false }: VerifyOptions): Header {
  if (!line.startsWith('H ')) throw new NotAnExport('its first line is no header of an audit export');
  const said = object(line.slice(2));
  if (said.format !== 'xdr-audit-export' || said.v !== 1) throw new NotAnExport('it is an audit export of a version that is not known here');
  const start = object(said.start);
  const period = said.period === undefined || said.period === null ? null : new Period(asked(object(said.period)));
  const stream = text(said.stream);
  const chain = new Chain({
    stream, rawStream: fromHex(stream.replaceAll('-', '')), key: fromHex(text(said.key)), others: list(said.keys).map((one) => fromHex(text(one))),
    start: { size: integer(start.size), head: fromHex(text(start.head)), peaks: list(start.peaks).map((one) => fromHex(text(one))) },
    pin, expected, isThorough, keys: new Keys(), keepsSegment: (segment) => period?.contains(segment) ?? false,
  });
  return { chain, period };
}

function asked(period: Record<string, unknown>): Asked {
  return { source: text(period.source).replaceAll('-', '').toLowerCase(), fromMS: integer(period.from_ms), toMS: integer(period.to_ms) };
}

/** A signature that cannot be read is one that does not hold; the record it stands on is then named. */
function signatureOf(said: string | undefined): Bytes {
  try {
    return fromBase64url(said ?? '');
  } catch {
    return new Uint8Array(0);
  }
}

function noteDropped(body: Bytes, dropped: Set<string>): void {
  const begins = String.fromCharCode(...body.subarray(0, DROPPED.length));
  if (begins === DROPPED) dropped.add(text(object(object(textOf(body)).detail).day));
}

/** The first `count` words of a line. */
function fieldsOf(line: Bytes, count: number): string[] {
  return textOf(line.subarray(0, bodyAt(line, count))).split(' ', count);
}

/** What comes after the first `count` words, as the bytes it is. */
function bodyOf(line: Bytes, count: number): Bytes {
  return line.slice(bodyAt(line, count));
}

function bodyAt(line: Bytes, count: number): number {
  let at = 0;
  for (let word = 0; word < count; word += 1) {
    at = line.indexOf(32, at) + 1;
    if (at === 0) throw new NotAnExport('a line has too few parts');
  }
  return at;
}

/** Whole lines; what was cut off in the middle of one is not there. */
function* linesOf(file: Bytes): Generator<{ line: Bytes; end: number }, void> {
  let start = 0;
  for (let end = file.indexOf(LINE_FEED); end >= 0; end = file.indexOf(LINE_FEED, start)) {
    yield { line: file.subarray(start, end), end };
    start = end + 1;
  }
}

async function breathe(share: number, { progress, signal }: VerifyOptions): Promise<void> {
  signal?.throwIfAborted();
  progress?.(share);
  await new Promise((resolve) => setTimeout(resolve, 0));
}
