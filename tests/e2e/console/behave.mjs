/**
 * Works through the console as an analyst does, by keyboard, against the factory, and checks what
 * he would see: progress and refusals of bulk actions, conflicts that keep his text, honest
 * failures, inert evidence, a CSV that is no formula.
 *
 *   node tests/e2e/console/behave.mjs [--chromium PATH]
 *
 * Prints one line per story; exits 1 if one fails.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const need = createRequire(join(import.meta.dirname, '../../../appliance/web/ui/package.json'));
const { chromium } = need('playwright-core');
const { values: options } = parseArgs({ options: { chromium: { type: 'string', default: '/usr/bin/chromium' } } });
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const stories = {
  async 'the queue is worked by keyboard, and what is refused goes back with its reason'(page, base) {
    await page.goto(`${base}/incidents`);
    await page.waitForSelector('[data-index="14"]', { state: 'attached' });
    for (let row = 0; row < 13; row += 1) await page.keyboard.press('j');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-rowindex')), '14');
    await page.keyboard.press('*');
    await page.keyboard.press('e');
    await page.getByText(/were refused and are as before/).waitFor();
    const rows = await page.locator('[data-index="0"]').innerText();
    assert.match(rows, /Ada Admin/);
    await page.locator('li', { hasText: '#26 ' }).waitFor({ state: 'attached' });
    const active = page.locator('.xdr-active');
    while (!(await active.innerText()).includes('#26 ')) await page.keyboard.press('j');
    assert.match(await active.innerText(), /nobody/);
  },
  async 'five thousand incidents are a few dozen rows in the document'(page, base) {
    await page.goto(`${base}/incidents?status=any`);
    await page.waitForSelector('[data-index="5"]');
    await page.keyboard.press('j');
    const row = async () => Number(await page.locator('.xdr-active').getAttribute('aria-rowindex'));
    for (let step = 0; step < 100 && await row() < 800; step += 1) {
      await page.keyboard.press('End');
      await page.waitForTimeout(50);
    }
    assert.ok(await row() >= 800);
    assert.ok(await page.locator('[data-index]').count() < 80);
  },
  async 'keys mean nothing while somebody writes'(page, base) {
    await page.goto(`${base}/incidents`);
    await page.waitForSelector('[data-index="1"]');
    await page.keyboard.press('/');
    await page.keyboard.type('jjxace?');
    assert.equal(await page.locator('search input').inputValue(), 'jjxace?');
    assert.equal(await page.locator('[role=dialog]').count(), 0);
  },
  async 'single keys can be switched off'(page, base) {
    await page.goto(`${base}/incidents`);
    await page.waitForSelector('[data-index="1"]');
    await page.keyboard.press('?');
    await page.locator('[role=dialog] input[type=checkbox]').press('Space');
    await page.keyboard.press('Escape');
    await page.locator('h1').click();
    await page.keyboard.press('?');
    await page.keyboard.press('j');
    assert.equal(await page.locator('[role=dialog]').count(), 0);
    assert.equal(await page.locator('.xdr-active').count(), 0);
  },
  async 'closing asks for a reason and has no default'(page, base) {
    await page.goto(`${base}/incidents`);
    await page.waitForSelector('[data-index="3"]');
    await page.keyboard.press('j');
    await page.keyboard.press('c');
    const confirm = page.locator('[role=dialog] button[type=submit]');
    assert.equal(await confirm.isDisabled(), true);
    await page.locator('#close-reason').selectOption('benign');
    await confirm.click();
    await page.getByText('1 incident closed').waitFor();
  },
  async 'a colleague is not overwritten, and what was written is kept'(page, base) {
    const { items: [{ id }] } = await (await page.request.get(`${base}/api/v1/incidents?limit=1`)).json();
    await page.goto(`${base}/incidents/${id}`);
    await page.locator('#note-text').fill('half a sentence');
    await page.request.post(`${base}/api/v1/incidents/${id}/transition`, { data: { to: 'in_progress', reason: null, note: null }, headers: { 'X-CSRF-Token': 'factory-token' } });
    await page.locator('#severity').selectOption('low');
    await page.getByText('Somebody changed this incident meanwhile').waitFor();
    await page.getByRole('button', { name: 'Contained' }).waitFor();
    assert.equal(await page.locator('#note-text').inputValue(), 'half a sentence');
    await page.reload();
    assert.equal(await page.locator('#note-text').inputValue(), 'half a sentence');
    await page.locator('#note-text').press('Control+Enter');
    await page.locator('.xdr-note', { hasText: 'half a sentence' }).waitFor();
    assert.equal(await page.locator('#note-text').inputValue(), '');
  },
  async 'a failure is said as it is, with no data in its place'(page, base) {
    await page.route('**/api/v1/rules?**', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The database does not answer', status: 503, code: 'database_unavailable', detail: 'No connection within 2 s.' }) }));
    await page.goto(`${base}/rules`);
    await page.getByText('The database does not answer').waitFor({ timeout: 15_000 });
    assert.equal(await page.locator('[role=row]').count(), 0);
    await page.unroute('**/api/v1/rules?**');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.waitForSelector('[data-index="1"]');
  },
  async 'a broken panel leaves the rest of the page'(page, base) {
    const { items: [{ id }] } = await (await page.request.get(`${base}/api/v1/incidents?limit=1`)).json();
    await page.route('**/findings?**', (route) => route.fulfill({ json: { items: [{ id: 'x' }], next_cursor: null } }));
    await page.goto(`${base}/incidents/${id}`);
    await page.getByText('This part of the page failed').waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Why this is an incident' }).isVisible(), true);
  },
  async 'without a session the sign-in page comes, and leads back'(page, base) {
    await page.route('**/api/v1/session', (route) => route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"title":"Sign in","status":401}' }));
    await page.goto(`${base}/events?q=a`);
    await page.waitForURL(/\/sign-in\?next=%2Fevents%3Fq%3Da$/);
  },
  async 'evidence is text: no element comes from it and hidden characters show'(page, base) {
    await page.goto(`${base}/events/00000008-0000-7000-8000-000000000000`);
    const original = page.locator('pre');
    await original.waitFor();
    assert.equal(await original.locator('img').count(), 0);
    assert.match(await original.innerText(), /‹ESC›\[31m‹U\+202E›fdp\.exe/);
  },
  async 'a search is understood in words, completed, and found in the address'(page, base) {
    await page.goto(`${base}/events`);
    await page.locator('.xdr-query input').pressSequentially('Im');
    await page.getByRole('option', { name: 'Image', exact: true }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('option', { name: 'Image', exact: true, selected: true }).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.type('*\\cmd.exe NOT User:root');
    await page.getByText('Image ends with “\\cmd.exe” and not User is “root”').waitFor();
    const asked = page.waitForRequest((request) => request.url().endsWith('/events/search'));
    await page.keyboard.press('Enter');
    assert.deepEqual((await asked).postDataJSON().where, { op: 'and', of: [{ op: 'endswith', field: 'Image', value: '\\cmd.exe' }, { op: 'not', of: { op: 'is', field: 'User', value: 'root' } }] });
    await page.waitForURL(/q=Image/);
  },
  async 'an exported file holds no formula'(page, base) {
    await page.goto(`${base}/events`);
    await page.waitForSelector('[data-index="1"]');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export CSV' }).click();
    const text = await readFile(await (await download).path(), 'utf8');
    assert.equal(text.trim().split('\r\n').length, 1201);
    assert.match(text, /"'=cmd\|/);
    assert.doesNotMatch(text, /(^|,)"[=+@-]/m);
  },
  async 'the language changes the whole page'(page, base) {
    await page.goto(`${base}/incidents`);
    await page.getByRole('button', { name: 'Appearance and language' }).click();
    await page.getByRole('menuitem', { name: 'Deutsch' }).click();
    await page.getByRole('heading', { name: 'Vorfälle', level: 1 }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'de');
  },
};

async function main() {
  const port = await freePort();
  const factory = spawn(process.execPath, [join(import.meta.dirname, 'factory.mjs'), String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
  let failed = 0;
  try {
    await new Promise((resolve) => factory.stdout.once('data', resolve));
    for (const [name, story] of Object.entries(stories)) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', acceptDownloads: true });
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      const errors = [];
      page.on('pageerror', (error) => errors.push(error));
      try {
        await story(page, `http://127.0.0.1:${port}`);
        assert.deepEqual(errors, []);
        console.log(`ok    ${name}`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL  ${name}\n${error.stack}`);
      }
      await context.close();
    }
  } finally {
    await browser.close();
    factory.kill();
  }
  return failed === 0 ? 0 : 1;
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

process.exitCode = await main();
