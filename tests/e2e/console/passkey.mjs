/**
 * Registers a passkey, proves oneself with it, and signs in with it, in Chromium's own virtual
 * authenticator.
 *
 *   node tests/e2e/console/passkey.mjs URL LINK EMAIL PASSWORD
 */
import assert from 'node:assert/strict';

import { ask, comeIn, drive, openAccount } from './driving.mjs';

const [base, link, email, password] = process.argv.slice(2);

await drive(async (page, context) => {
  const debug = await context.newCDPSession(page);
  await debug.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', { options });

  await comeIn(page, base, link, password);
  await openAccount(page);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name of the passkey').fill('blue key');
  await page.getByRole('button', { name: 'Go on in the browser' }).click();
  await page.getByRole('rowheader', { name: 'blue key' }).waitFor();
  const { credentials } = await debug.send('WebAuthn.getCredentials', { authenticatorId });
  assert.equal(credentials.length, 1);

  await ask('age proofs');
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByRole('textbox', { name: 'Name' }).fill('night job');
  await page.getByLabel('incidents:view').check();
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('heading', { name: 'Prove that it is you' }).waitFor();
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  const token = await page.getByRole('textbox', { name: 'Token' }).inputValue();
  assert.match(token, /^xdr_api_/);
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await page.getByRole('rowheader', { name: /night job/ }).waitFor();

  await page.locator('.xdr-user').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.waitForURL(/\/sign-in/);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await page.waitForURL(/\/incidents/);
  const sessions = await page.evaluate(async () => (await (await fetch('/api/v1/sessions/own')).json()).items);
  return { token, methods: sessions.find((one) => one.current).methods };
});
