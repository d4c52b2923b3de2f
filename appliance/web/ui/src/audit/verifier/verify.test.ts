import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { bytesOf, canVerify, NotAnExport } from './bytes';
import { keptCheckpoints } from './checkpoint';
import { verify } from './verify';

/** The published vectors: every verifier of the format reaches these verdicts. */
const FOLDER = join(import.meta.dirname, '../../../../../../tests/vectors/audit');
interface Vector {
  name: string;
  export: string;
  fingerprint: string;
  expect: string[];
  verdict: { ok: true } | { ok: false; kinds: string[]; seq: number };
}
const VECTORS = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Vector);
const vector = (name: string) => {
  const found = VECTORS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vector ${name}`);
  return found;
};

describe('the published vectors', () => {
  it('are there', () => {
    expect(VECTORS.length).toBeGreaterThanOrEqual(28);
  });

  it.each([false, true].flatMap((isThorough) => VECTORS.map((one) => [one.name, isThorough, one] as const)))('%s gets exactly the verdict it states (every signature: %s)', async (_, isThorough, { export: file, fingerprint, expect: kept, verdict }) => {
    const found = await verify(bytesOf(file), { pin: fingerprint, expected: keptCheckpoints(kept.join('\n')), isThorough });

    const { problem } = found;
    if (verdict.ok) expect(problem).toBeNull();
    else expect([verdict.kinds.includes(problem?.kind ?? ''), problem?.seq]).toEqual([true, verdict.seq]);
  });
});

describe('a verdict', () => {
  it('names the entry that was edited', async () => {
    const { problem } = await verify(bytesOf(vector('edited').export));

    expect(problem).toMatchObject({ kind: 'altered', seq: 5, entryId: '00000000-0000-0000-0000-000000000005' });
  });

  it('names the entry that is gone though its record is there', async () => {
    const { problem } = await verify(bytesOf(vector('deleted_entry').export));

    expect(problem?.entryId).not.toBe('');
  });

  it('says what was found, and with which keys', async () => {
    const found = await verify(bytesOf(vector('intact_after_rotation').export));

    expect([found.keys.length, found.isPinned, found.problem, found.records > 0, found.checkpoints > 0]).toEqual([2, false, null, true, true]);
  });

  it('finds one changed letter in whichever record it is', async () => {
    const lines = vector('intact').export.split('\n');
    const places = lines.flatMap((line, index) => line.startsWith('E ') ? [index] : []);
    for (const place of places) {
      const changed = lines.with(place, (lines[place] ?? '').replace('"test.done"', '"test.dune"'));

      const { problem } = await verify(bytesOf(changed.join('\n')));

      expect([problem?.kind, problem?.seq]).toEqual(['altered', Number(lines[place]?.split(' ')[1])]);
    }
  });

  it('finds a signature that was broken, when every one is looked at', async () => {
    const [whole, ...rest] = vector('intact').export.split('\nE 9 ');
    const broken = `${whole ?? ''}\nE 9 ${rest.join('\nE 9 ').replace(/^(\d+) ..../, '$1 ~~~~')}`;

    const { problem } = await verify(bytesOf(broken), { isThorough: true });

    expect(problem?.seq).toBe(9);
  });

  it('is not reached over a file that is no export', async () => {
    await expect(verify(bytesOf('hello\n'))).rejects.toThrow(NotAnExport);
    await expect(verify(bytesOf(`${vector('intact').export}X\n`))).rejects.toThrow(NotAnExport);
  });

  it('can be stopped', async () => {
    await expect(verify(bytesOf(`${vector('intact').export.split('\n')[0]}\n${'X \n'.repeat(4_000)}`), { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});

it('this engine knows SHA-256 and Ed25519', async () => {
  expect(await canVerify()).toBe('yes');
});
