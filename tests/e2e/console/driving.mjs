/**
 * What the scripts that work the console in front of a real appliance share: a browser, and a word
 * with whoever started them. A script prints `ASK question` and reads the answer as one line.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const need = createRequire(join(import.meta.dirname, '../../../appliance/web/ui/package.json'));
const { chromium } = need('playwright-core');
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Runs a story in a fresh browser; what it returns is printed as JSON, what goes wrong with the page. */
export async function drive(story) {
  const browser = await chromium.launch({ executablePath: process.env.XDR_CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error.stack)));
  try {
    const told = await story(page, context);
    if (errors.length > 0) throw new Error(errors.join('\n'));
    console.log(JSON.stringify(told));
  } catch (error) {
    console.error(page.url(), (await page.locator('body').innerText().catch(() => '')).slice(0, 3000));
    throw error;
  } finally {
    await browser.close();
    lines.close();
  }
}

const lines = createInterface({ input: process.stdin });
const answers = lines[Symbol.asyncIterator]();

export async function ask(question) {
  console.log(`ASK ${question}`);
  return (await answers.next()).value;
}

/** Gives a context the session cookie of somebody who is signed in. */
export async function signedIn(context, base, pair) {
  const [name, ...value] = pair.split('=');
  await context.addCookies([{ name, value: value.join('='), url: base.replace(/^http:/, 'https:'), secure: true }]);
}

/** Comes in by a one-time link and sets a password. */
export async function comeIn(page, base, link, password) {
  await page.goto(`${base}/welcome/${link}`);
  await page.locator('#password').fill(password);
  await page.locator('#again').fill(password);
  await page.locator('button[type=submit]').click();
  await page.waitForURL(/\/incidents/);
}

export async function openAccount(page) {
  await page.locator('.xdr-user').click();
  await page.getByRole('menuitem', { name: 'Your account' }).click();
  await page.getByRole('heading', { name: 'Your account', level: 1 }).waitFor();
}
