/**
 * Sets an OpenID Connect provider up in the console, tests it, gives it a provisioning token, and
 * removes it.
 *
 *   node tests/e2e/console/providers.mjs URL COOKIE JWKS_FILE
 */
import assert from 'node:assert/strict';

import { drive, signedIn } from './driving.mjs';

const [base, cookie, jwks] = process.argv.slice(2);

await drive(async (page, context) => {
  await signedIn(context, base, cookie);
  await page.goto(`${base}/identity-providers`);
  await page.getByRole('link', { name: 'Add: OpenID Connect' }).click();
  const add = page.getByRole('button', { name: 'Add it, switched off' });
  for (const [label, text] of [
    ['Name', 'Branch office'], ['Issuer', 'http://127.0.0.1:9'], ['Client id', 'xdr'], ['Authorisation endpoint', 'http://127.0.0.1:9/a'],
    ['Token endpoint', 'http://127.0.0.1:9/t'],
  ]) await page.getByRole('textbox', { name: label, exact: true }).fill(text);
  await page.getByLabel('Keys (JWKS): from a file').setInputFiles(jwks);
  assert.equal(await add.isDisabled(), true);
  await page.getByLabel('Client secret').fill('not a real one');
  await page.getByRole('button', { name: 'Add a group' }).click();
  await page.getByLabel('Group 1', { exact: true }).fill('readers');
  await page.getByLabel('Role of group 1').selectOption('read_only_analyst');
  await add.click();
  await page.getByRole('heading', { name: 'Branch office', level: 1 }).waitFor();
  const id = page.url().split('/').at(-1);

  await page.getByRole('button', { name: 'Test it now' }).click();
  const report = page.locator('[role=status]', { hasText: 'Every step worked' }).or(page.locator('[role=status]', { hasText: 'Something does not work yet' }));
  await report.first().waitFor();
  const steps = await page.locator('.xdr-steps li').allInnerTexts();

  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('button', { name: 'Switch off' }).waitFor();
  await page.getByRole('button', { name: 'New provisioning token' }).click();
  await page.locator('[role=dialog]').getByRole('button', { name: 'New provisioning token' }).click();
  const token = await page.getByRole('textbox', { name: 'Token', exact: true }).inputValue();
  await page.getByRole('button', { name: 'I have stored it' }).click();
  await page.getByRole('button', { name: 'Stop provisioning' }).waitFor();
  const config = await page.evaluate(async (one) => (await (await fetch(`/api/v1/identity-providers/${one}`)).json()).config, id);

  await page.getByRole('button', { name: 'Remove provider' }).click();
  await page.locator('[role=dialog]').getByRole('button', { name: 'Remove provider' }).click();
  await page.getByRole('heading', { name: 'Identity providers', level: 1 }).waitFor();
  await page.getByText('Branch office').waitFor({ state: 'detached' });
  return { steps, token, config };
});
