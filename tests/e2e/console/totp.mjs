/**
 * Sets up an authenticator app from the account page, and proves oneself with its codes.
 *
 *   node tests/e2e/console/totp.mjs URL LINK PASSWORD
 */
import assert from 'node:assert/strict';

import { ask, comeIn, drive, openAccount } from './driving.mjs';

const [base, link, password] = process.argv.slice(2);

await drive(async (page) => {
  await comeIn(page, base, link, password);
  await openAccount(page);
  await page.getByRole('button', { name: 'Set up an app' }).click();
  const secret = (await page.locator('.xdr-secret').innerText()).replaceAll(' ', '');
  const qr = await page.getByRole('img', { name: /QR code/ }).evaluate((image) => image.naturalWidth);
  assert.ok(qr > 100, `the QR code is ${qr} pixels wide`);
  await page.getByLabel('Code of your authenticator app').fill(await ask(`code ${secret}`));
  await page.getByRole('button', { name: 'Use this app' }).click();
  const first = await codes(page);
  await page.getByText('10 recovery codes left').waitFor();

  await ask('age proofs');
  await page.getByRole('button', { name: 'New recovery codes' }).click();
  const code = page.getByLabel('Code of your authenticator app');
  await code.fill('000000');
  await code.press('Enter');
  await page.locator('[role=dialog]').getByText('factor_refused').waitFor();
  await code.fill(await ask(`code ${secret}`));
  await code.press('Enter');
  const second = await codes(page);
  return { first, second };
});

async function codes(page) {
  await page.locator('.xdr-codes li').nth(9).waitFor();
  const found = await page.locator('.xdr-codes li').allInnerTexts();
  await page.getByRole('button', { name: 'I have kept them' }).click();
  return found;
}
