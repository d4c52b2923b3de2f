import { Problem } from '../api/problem';
import { t } from '../language/language';

/** Whether this browser, at this address, can use passkeys at all; they belong to a host name. */
export function passkeysWork(): boolean {
  return 'PublicKeyCredential' in window && window.isSecureContext && !isAddress(window.location.hostname);
}

/** Makes a passkey for the options the appliance gave; what is to be sent back. */
export function makePasskey(options: Record<string, unknown>): Promise<unknown> {
  return told(async () => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
    return navigator.credentials.create({ publicKey });
  });
}

/** Answers the appliance's challenge with a passkey. */
export function answerWithPasskey(options: Record<string, unknown>): Promise<unknown> {
  return told(async () => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
    return navigator.credentials.get({ publicKey });
  });
}

/** Browsers say little about why a passkey was not used; what they say is told as it is. */
async function told(use: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const made = await use();
    if (made instanceof PublicKeyCredential) return made.toJSON();
    throw new Error('no credential');
  } catch (error) {
    throw new Problem(400, 'passkey_refused', t('passkey.refused'), error instanceof Error ? error.message : '');
  }
}

export function isAddress(host: string): boolean {
  return host.startsWith('[') || /^[\d.]+$/.test(host);
}
