import { bytesOf, checkpointStatement, fromBase64url, hexOf, sha256, textOf, type Bytes, type Keys } from './bytes';
import { integer, object, text } from './json';

/** The state of a stream at one moment, signed, small enough to keep elsewhere. */
export interface Checkpoint {
  /** The exact bytes that are signed. */
  body: Bytes;
  signature: Bytes;
  stream: string;
  number: number;
  size: number;
  head: string;
  root: string;
  at: number;
  /** Fingerprint of the key that signed. */
  key: string;
  previous: string;
  segments: number;
  eventsRoot: string;
}

export function readCheckpoint(body: Bytes, signature: Bytes): Checkpoint {
  const said = object(textOf(body));
  const events = object(said.events);
  return {
    body, signature, stream: text(said.stream), number: integer(said.n), size: integer(said.size), head: text(said.head),
    root: text(said.root), at: integer(said.at_us), key: text(said.key), previous: text(said.previous), segments: integer(events.segments), eventsRoot: text(events.root),
  };
}

/** The checkpoints of a file that was kept, one a line; a syslog header before the JSON is passed over. */
export function keptCheckpoints(file: string): Checkpoint[] {
  return file.split('\n').flatMap((line) => {
    const start = line.indexOf('{"checkpoint"');
    if (start < 0) return [];
    const said = object(line.slice(start).trim());
    return [readCheckpoint(bytesOf(text(said.checkpoint)), fromBase64url(text(said.signature)))];
  });
}

export function isSignedBy(one: Checkpoint, key: Bytes, keys: Keys): Promise<boolean> {
  return keys.hasSigned(key, one.signature, checkpointStatement(one.body));
}

export async function digestOf(one: Checkpoint): Promise<string> {
  return hexOf(await sha256(one.body));
}
