/**
 * Reads the API's documentation as a person does: signed out, signed in, one request tried of each kind,
 * and the page that a problem's type leads to. Reports policy violations and requests that leave the origin.
 *
 *   node tests/e2e/console/docs.mjs BASE_URL --cookie NAME=VALUE [--screenshot FILE]
 *
 * Prints one JSON document; exits 1 if anything is wrong.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const need = createRequire(join(import.meta.dirname, '../../../appliance/web/ui/package.json'));
const { chromium } = need('playwright-core');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cookie: { type: 'string' },
    screenshot: { type: 'string' },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
  },
});
const base = new URL(positionals[0]);
const address = (path) => new URL(path, base).href;
const wrong = [];
const expect = (holds, words) => { if (!holds) wrong.push(words); };

const browser = await chromium.launch({
  executablePath: options.chromium,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function openPage(path, cookie) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  if (cookie) {
    const [name, ...value] = cookie.split('=');
    await context.addCookies([
      { name, value: value.join('='), domain: base.hostname, path: '/', secure: true, httpOnly: true, sameSite: 'Strict' },
    ]);
  }
  const page = await context.newPage();
  await page.addInitScript(() => document.addEventListener(
    'securitypolicyviolation', (event) => console.error('violation', event.violatedDirective, event.blockedURI),
  ));
  page.on('console', (line) => { if (/violation|Content Security/.test(line.text())) wrong.push(line.text()); });
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(base.origin) && !/^(data|blob):/.test(url)) wrong.push(`left the origin: ${url}`);
  });
  await page.goto(address(path));
  return page;
}

async function tried(page, kind, path) {
  const block = page.locator(`.opblock-${kind}`, { hasText: path }).first();
  await block.click();
  await block.locator('button.try-out__btn').click();
  await block.locator('button.execute').click();
  const status = block.locator('.live-responses-table tbody .response-col_status').first();
  await status.waitFor();
  return Number.parseInt(await status.innerText(), 10);
}

try {
  const stranger = await openPage('/docs/');
  await stranger.locator('#api a', { hasText: 'Sign in' }).waitFor();

  const page = await openPage('/docs/', options.cookie);
  await page.locator('.opblock').first().waitFor();
  const schema = await (await page.request.get(address('/api/v1/openapi/openapi.json'))).json();
  const promised = Object.values(schema.paths).flatMap(Object.keys).length;
  const shown = await page.locator('.opblock').count();
  expect(shown === promised, `${shown} operations are shown, the schema has ${promised}`);
  if (options.screenshot) await page.screenshot({ path: options.screenshot });

  const read = await tried(page, 'get', '/api/v1/session');
  expect(read === 200, `a read answered ${read}`);
  // The sample body is not valid. 422 says that the request passed the guard against forged ones, 403 that it did not.
  const changed = await tried(page, 'post', '/api/v1/tokens');
  expect(changed === 422, `a change answered ${changed}`);

  await page.goto(address('/docs/problems#transition_not_allowed'));
  expect(await page.locator('h3:target').count() === 1, 'the type of a problem leads nowhere');
  console.log(JSON.stringify({ operations: shown, wrong }, null, 2));
} finally {
  await browser.close();
}
process.exit(wrong.length ? 1 : 0);
