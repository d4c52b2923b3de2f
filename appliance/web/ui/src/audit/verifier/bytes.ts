/**
 * What is hashed and what is signed, byte for byte (docs/security/audit-format.md).
 *
 * Hashes and signatures are WebCrypto's; nothing else is trusted, the appliance least of all.
 */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The file is no export, or damaged so that it cannot be read. */
export class NotAnExport extends Error {
  override readonly name = 'NotAnExport';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const HEX = /^(?:[0-9a-f]{2})*$/i;

export function bytesOf(text: string): Bytes {
  return encoder.encode(text);
}

export function textOf(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new NotAnExport('a line is not UTF-8');
  }
}

export function joined(...parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Eight bytes, big-endian. */
export function eight(value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

export function hexOf(bytes: Bytes): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text: string): Bytes {
  if (!HEX.test(text)) throw new NotAnExport(`not hexadecimal: ${text.slice(0, 40)}`);
  return Uint8Array.from({ length: text.length / 2 }, (_, index) => Number.parseInt(text.slice(2 * index, 2 * index + 2), 16));
}

export function fromBase64url(text: string): Bytes {
  if (!BASE64URL.test(text) || text.length % 4 === 1) throw new NotAnExport(`not base64url: ${text.slice(0, 40)}`);
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

export function isEqual(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

export async function sha256(...parts: readonly Bytes[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined(...parts)));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const HEAD = Uint8Array.of(2);

export const leafHash = (body: Bytes) => sha256(LEAF, body);
export const nodeHash = (left: Bytes, right: Bytes) => sha256(NODE, left, right);
export const nextHead = (head: Bytes, leaf: Bytes) => sha256(HEAD, head, leaf);
/** SHA-256 of the raw public key, in hex: what is printed and pinned. */
export const fingerprint = async (key: Bytes) => hexOf(await sha256(key));

const RECORD = bytesOf('xdr-audit-record-v1\n');
const CHECKPOINT = bytesOf('xdr-audit-checkpoint-v1\n');
const ROTATION = bytesOf('xdr-audit-key-v1\n');

export const recordStatement = (stream: Bytes, seq: number, sealedAt: number, head: Bytes) => joined(RECORD, stream, eight(seq), eight(sealedAt), head);
export const checkpointStatement = (body: Bytes) => joined(CHECKPOINT, body);
export const rotationStatement = (stream: Bytes, old: Bytes, next: Bytes) => joined(ROTATION, stream, old, next);

/** Public keys as WebCrypto holds them, each imported once. */
export class Keys {
  readonly #imported = new Map<string, Promise<CryptoKey | null>>();

  /** Whether a signature is that key's over the statement; what is no key has signed nothing. */
  async hasSigned(key: Bytes, signature: Bytes, statement: Bytes): Promise<boolean> {
    const name = hexOf(key);
    let imported = this.#imported.get(name);
    if (imported === undefined) {
      imported = crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']).catch(() => null);
      this.#imported.set(name, imported);
    }
    const known = await imported;
    return known !== null && signature.length === 64 && crypto.subtle.verify('Ed25519', known, signature, statement);
  }
}

/** Whether this browser can verify at all: WebCrypto needs HTTPS, and Ed25519 a browser of 2025 or later. */
export async function canVerify(): Promise<'yes' | 'insecure' | 'no_ed25519'> {
  // Outside a secure context browsers leave the property out, whatever the types say.
  if ((globalThis.crypto as Crypto | undefined)?.subtle === undefined) return 'insecure';
  try {
    // The key of RFC 8032, section 7.1, test 1.
    await crypto.subtle.importKey('raw', fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'), 'Ed25519', false, ['verify']);
    return 'yes';
  } catch {
    return 'no_ed25519';
  }
}
