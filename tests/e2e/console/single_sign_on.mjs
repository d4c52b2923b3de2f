/**
 * Signs in by a real SAML identity provider, as a person does, and out again.
 *
 *   node tests/e2e/console/single_sign_on.mjs URL PROVIDER USER PASSWORD [--chromium PATH]
 *
 * Prints what the session said as JSON; exits 1 if a step fails.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const need = createRequire(join(import.meta.dirname, '../../../appliance/web/ui/package.json'));
const { chromium } = need('playwright-core');
const { values: options, positionals } = parseArgs({
  options: { chromium: { type: 'string', default: '/usr/bin/chromium' } }, allowPositionals: true,
});
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const [base, provider, user, password] = positionals;

const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${base}/sign-in?next=/rules`);
  await page.getByRole('link', { name: 'Single sign-on' }).click();
  await page.getByRole('link', { name: provider }).click();
  await page.locator('input[name=username]').fill(user);
  await page.locator('input[name=password]').fill(password);
  await page.locator('input[name=password]').press('Enter');
  await page.waitForURL(`${base}/rules`);
  const session = await page.evaluate(async () => (await fetch('/api/v1/session')).json());
  assert.equal(session.user.email, `${user}@example.test`);
  const left = page.waitForRequest(/SingleLogoutService/);
  await page.locator('.xdr-user').click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await left;
  await page.waitForURL(/\/sign-in/);
  const after = await page.evaluate(async () => (await fetch('/api/v1/session')).status);
  assert.equal(after, 401);
  console.log(JSON.stringify({ email: session.user.email, roles: session.roles }));
} catch (error) {
  const page = browser.contexts()[0]?.pages()[0];
  console.error(page?.url(), (await page?.content())?.slice(0, 3000));
  throw error;
} finally {
  await browser.close();
}
