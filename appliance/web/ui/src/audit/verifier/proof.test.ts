import { describe, expect, it } from 'vitest';

import { bytesOf, checkpointStatement, fingerprint, hexOf, leafHash, nodeHash, type Bytes } from './bytes';
import { proofState } from './proof';

const ENTRIES = ['{"id":"a"}', '{"id":"b"}', '{"id":"c"}'];

/** A tree over three entries, signed by a key of its own. */
async function trail() {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const key: Bytes = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const leaves = await Promise.all(ENTRIES.map((one) => leafHash(bytesOf(one))));
  const [first, second, third] = leaves as [Bytes, Bytes, Bytes];
  const left = await nodeHash(first, second);
  const body = JSON.stringify({
    at_us: 1, events: { root: '', segments: 0 }, head: '', key: await fingerprint(key), n: 1, previous: '',
    root: hexOf(await nodeHash(left, third)), size: 3, stream: 's', v: 1,
  });
  const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, checkpointStatement(bytesOf(body))));
  const checkpoint = { checkpoint: body, signature: Buffer.from(signature).toString('base64url') };
  const of = (seq: number, proof: readonly Bytes[]) => ({
    entry: { body: ENTRIES[seq - 1] ?? '', record: { seq, leaf: hexOf(leaves[seq - 1] ?? new Uint8Array()) } }, checkpoint, proof: proof.map(hexOf),
  });
  return { publicKey: hexOf(key), one: of(1, [second, third]), last: of(3, [left]) };
}

describe('the proof of one entry', () => {
  it('holds for what was sealed, at either end of the tree', async () => {
    const { publicKey, one, last } = await trail();

    expect([await proofState(one, [publicKey]), await proofState(last, [publicKey])]).toEqual(['proved', 'proved']);
  });

  it('fails for another text, and for another text with a leaf to match', async () => {
    const { publicKey, one } = await trail();
    const body = '{"id":"x"}';
    const leaf = hexOf(await leafHash(bytesOf(body)));

    expect(await proofState({ ...one, entry: { ...one.entry, body } }, [publicKey])).toBe('altered');
    expect(await proofState({ ...one, entry: { body, record: { seq: 1, leaf } } }, [publicKey])).toBe('altered');
  });

  it('fails at another place', async () => {
    const { publicKey, one, last } = await trail();

    expect(await proofState({ ...one, entry: { ...one.entry, record: { seq: 2, leaf: one.entry.record.leaf } } }, [publicKey])).toBe('altered');
    expect(await proofState({ ...last, proof: [] }, [publicKey])).toBe('altered');
  });

  it('says when nobody we know signed the checkpoint', async () => {
    const { one } = await trail();
    const other = await trail();

    expect(await proofState(one, [other.publicKey])).toBe('checkpoint_altered');
    expect(await proofState({ ...one, checkpoint: { ...one.checkpoint, signature: other.one.checkpoint.signature } }, [(await trail()).publicKey])).toBe('checkpoint_altered');
  });

  it('says that an entry waits for its seal or its checkpoint', async () => {
    const { one } = await trail();

    expect(await proofState({ ...one, entry: { ...one.entry, record: null } }, [])).toBe('unsealed');
    expect(await proofState({ ...one, checkpoint: null }, [])).toBe('uncovered');
  });
});
