/**
 * Two administrators: one proposes to delete an incident, the other approves exactly that; and they
 * review who has access until it is signed.
 *
 *   node tests/e2e/console/governance.mjs URL PROPOSER_COOKIE APPROVER_COOKIE INCIDENT APPROVER_NAME
 */
import assert from 'node:assert/strict';

import { drive, signedIn } from './driving.mjs';

const [base, proposer, approver, incident, approverName] = process.argv.slice(2);

await drive(async (first, context) => {
  await signedIn(context, base, proposer);
  const second = await (await context.browser().newContext({ locale: 'en-GB' })).newPage();
  await signedIn(second.context(), base, approver);

  await first.goto(`${base}/incidents/${incident}`);
  await first.getByRole('button', { name: 'Propose deletion' }).click();
  await first.getByLabel('Reason').fill('the honeypot was ours');
  await first.locator('[role=dialog]').getByRole('button', { name: 'Propose deletion' }).click();
  await first.getByRole('link', { name: 'Its deletion waits for a second person.' }).click();
  // The innermost: the page itself is a section too, and other proposals may wait.
  const own = first.locator('section', { hasText: incident }).last();
  await own.getByText('Somebody else must approve what you proposed.').waitFor();
  assert.equal(await own.getByRole('button', { name: 'Approve' }).count(), 0);

  await second.goto(`${base}/proposals`);
  const found = second.locator('section', { hasText: incident }).last();
  await found.getByText('the honeypot was ours').waitFor();
  const sent = second.waitForRequest((request) => request.url().endsWith('/approval'));
  await found.getByRole('button', { name: 'Approve' }).click();
  const hash = await found.locator('dd.xdr-mono').innerText();
  await second.locator('[role=dialog]').getByRole('button', { name: 'Approve' }).click();
  assert.equal((await sent).postDataJSON().payload_hash, hash);
  await second.getByText('The proposal is approved and done').waitFor();

  await second.goto(`${base}/access-reviews`);
  await second.locator('h1').waitFor();
  const begin = second.getByRole('button', { name: 'Begin a review' });
  const open = second.getByRole('row', { name: /undecided/ }).getByRole('link');
  await begin.or(open.first()).waitFor();
  await (await open.count() > 0 ? open.first() : begin).click();
  await second.getByText('Somebody else decides about you.').waitFor();
  const address = second.url();
  await second.getByRole('button', { name: /^Keep the \d+ left/ }).click();
  await second.getByText('1 undecided').waitFor();
  assert.equal(await second.getByRole('button', { name: 'Close and sign' }).isDisabled(), true);

  await first.goto(address);
  await first.getByRole('button', { name: `Keep: ${approverName}` }).click();
  await first.getByText('0 undecided').waitFor();
  await first.getByRole('button', { name: 'Close and sign' }).click();
  await first.locator('[role=dialog]').getByRole('button', { name: 'Close and sign' }).click();
  await first.getByRole('heading', { name: 'The signed document' }).waitFor();
  return { review: address.split('/').at(-1) };
});
