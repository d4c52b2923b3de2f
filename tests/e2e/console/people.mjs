/**
 * Invites somebody, gives a role with an end, makes a role of one's own, ends a session and suspends.
 *
 *   node tests/e2e/console/people.mjs URL COOKIE PASSWORD
 */
import assert from 'node:assert/strict';

import { comeIn, drive, signedIn } from './driving.mjs';

const [base, cookie, password] = process.argv.slice(2);

await drive(async (page, context) => {
  await signedIn(context, base, cookie);
  const dialog = page.locator('[role=dialog]');

  await page.goto(`${base}/users/roles`);
  await page.getByRole('button', { name: 'New role' }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Weekend');
  assert.equal(await dialog.getByRole('button', { name: 'Save the role' }).isDisabled(), true);
  await dialog.getByRole('textbox', { name: 'Name' }).fill('weekend');
  await dialog.getByRole('textbox', { name: 'Title' }).fill('Weekend watch');
  for (const one of ['incidents:view', 'incidents:update']) await dialog.getByLabel(one).check();
  await dialog.getByRole('button', { name: 'Save the role' }).click();
  await page.getByRole('columnheader', { name: 'Weekend watch' }).waitFor();
  const held = await page.getByRole('row', { name: /^incidents:update/ }).getByText('holds').count();

  await page.getByRole('link', { name: 'People', exact: true }).last().click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await dialog.getByLabel('E-mail').fill('wanda@example.test');
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Wanda');
  await dialog.getByLabel('Weekend watch').check();
  await dialog.getByRole('button', { name: 'Make the invitation' }).click();
  const link = await page.getByRole('textbox', { name: 'One-time link' }).inputValue();
  await page.getByText('a mail relay is not configured').waitFor();
  await page.getByRole('button', { name: 'I have stored it' }).click();

  const other = await (await context.browser().newContext({ locale: 'en-GB' })).newPage();
  await comeIn(other, base, link.split('/').at(-1), password);
  await other.getByRole('link', { name: 'Incidents', exact: true }).waitFor();
  const pages = await other.locator('nav[aria-label=Pages] a').allInnerTexts();

  await page.getByRole('button', { name: 'Roles …: Wanda' }).click();
  await dialog.getByLabel('SOC analyst', { exact: true }).check();
  await dialog.getByLabel('SOC analyst until').fill('2035-05-01T12:00');
  await dialog.getByRole('button', { name: 'Give these roles' }).click();
  const row = page.getByRole('row', { name: /Wanda/ });
  await row.getByText(/until May 01, 2035/).waitFor();

  await row.getByRole('link', { name: 'Sessions: Wanda' }).click();
  await page.getByRole('button', { name: 'End 1 session' }).click();
  await page.getByText('No open session').waitFor();
  await other.goto(`${base}/incidents`);
  await other.waitForURL(/\/sign-in/);

  await page.goto(`${base}/users`);
  await page.getByRole('button', { name: 'Suspend: Wanda' }).click();
  await dialog.getByRole('button', { name: 'Suspend' }).click();
  await page.getByRole('button', { name: 'Let in again: Wanda' }).waitFor();
  await page.getByLabel('Name or e-mail').fill('wanda');
  assert.equal(await page.locator('tbody tr').count(), 1);
  return { held, pages };
});
