import { bytesOf, fingerprint, fromBase64url, fromHex, hexOf, Keys, leafHash } from './bytes';
import { isSignedBy, readCheckpoint } from './checkpoint';
import { isIncluded } from './merkle';

export type ProofState = 'proved' | 'unsealed' | 'uncovered' | 'altered' | 'checkpoint_altered';

interface Proved {
  /** The exact text of the entry, and its record: null until it is sealed. */
  entry: { body: string; record: { seq: number; leaf: string } | null };
  checkpoint: { checkpoint: string; signature: string } | null;
  proof: readonly string[];
}

/**
 * Whether one entry is what was sealed: its text makes the leaf, the leaf is in the checkpoint's
 * tree (RFC 6962), and the checkpoint is signed by a key that the appliance has published.
 */
export async function proofState({ entry: { body, record }, checkpoint, proof }: Proved, publicKeys: readonly string[]): Promise<ProofState> {
  if (record === null) return 'unsealed';
  const leaf = await leafHash(bytesOf(body));
  if (hexOf(leaf) !== record.leaf) return 'altered';
  if (checkpoint === null) return 'uncovered';
  const found = readCheckpoint(bytesOf(checkpoint.checkpoint), fromBase64url(checkpoint.signature));
  const keys = new Keys();
  const signers = publicKeys.map(fromHex);
  const names = await Promise.all(signers.map(fingerprint));
  const signer = signers[names.indexOf(found.key)];
  if (signer === undefined || !(await isSignedBy(found, signer, keys))) return 'checkpoint_altered';
  return await isIncluded(leaf, record.seq - 1, found.size, proof.map(fromHex), found.root) ? 'proved' : 'altered';
}
