/**
 * Visits every page of the console light and wide, dark and narrow (--all: each theme in each size), and reports:
 * axe violations (WCAG 2.0 to 2.2 A and AA, best practice), content-security-policy violations,
 * requests that leave the origin, errors of the page, and a page that scrolls sideways.
 *
 *   node tests/e2e/console/audit.mjs BASE_URL [--cookie NAME=VALUE] [--screenshots DIR] [--only PART] [--all]
 *
 * Prints one JSON document; exits 1 if anything is wrong, 2 if the audit itself could not run.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const need = createRequire(join(import.meta.dirname, '../../../appliance/web/ui/package.json'));
const { chromium } = need('playwright-core');
const AXE = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cookie: { type: 'string', multiple: true, default: [] },
    screenshots: { type: 'string' },
    // Visits only addresses that contain this.
    only: { type: 'string', default: '' },
    all: { type: 'boolean', default: false },
    chromium: { type: 'string', default: '/usr/bin/chromium' },
    'ignore-https-errors': { type: 'boolean', default: false },
  },
});
const base = new URL(positionals[0] ?? fail('usage: audit.mjs BASE_URL [--cookie NAME=VALUE] [--screenshots DIR]'));

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } };
// Contrast depends on the theme and room on the size, hardly anything on both.
const LOOKS = [['light', 'wide'], ['dark', 'narrow'], ...options.all ? [['light', 'narrow'], ['dark', 'wide']] : []];
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** What to do on a page before it is looked at: things that only appear when somebody acts. */
const ACTS = {
  'shortcut sheet': (page) => page.keyboard.press('?'),
  navigation: (page) => page.locator('.pf-v6-c-masthead__toggle button').click(),
  preferences: (page) => page.locator('.pf-v6-c-masthead .pf-v6-c-menu-toggle').first().click(),
  'selected rows': async (page) => { for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key); },
  'close dialog': async (page) => { for (const key of ['j', 'c']) await page.keyboard.press(key); },
  completion: async (page) => { await page.locator('.xdr-query input').pressSequentially('I'); await page.waitForTimeout(500); },
  columns: async (page) => { await page.locator('.xdr-tools .pf-v6-c-menu-toggle').click(); await page.waitForTimeout(300); },
  'query error': (page) => page.locator('.xdr-query input').fill('(Image:x*y'),
  'new source': (page) => page.locator('.xdr-heading button').first().click(),
  'password dialog': (page) => page.getByRole('button', { name: 'Change the password' }).click(),
  'new api token': (page) => page.getByRole('button', { name: 'New token' }).click(),
  // What the appliance says after ten minutes; nothing is changed by it here.
  'step up': async (page) => {
    const refusal = { status: 403, contentType: 'application/problem+json', body: JSON.stringify({ status: 403, code: 'step_up_required', title: 'Prove it' }) };
    await page.route('**/api/v1/account/recovery-codes', (route) => route.fulfill(refusal));
    await page.getByRole('button', { name: 'New recovery codes' }).click();
    await page.getByLabel('Code of your authenticator app').waitFor();
  },
  invite: (page) => page.getByRole('button', { name: 'Invite somebody' }).click(),
  'roles dialog': (page) => page.getByRole('button', { name: /^Roles …:/ }).first().click(),
  suspend: (page) => page.getByRole('button', { name: /^Suspend:/ }).first().click(),
  'new role': (page) => page.getByRole('button', { name: 'New role' }).click(),
  deletion: (page) => page.getByRole('button', { name: 'Propose deletion' }).click(),
  'take back': (page) => page.getByRole('button', { name: 'Take back' }).first().click(),
  verify: async (page) => {
    await page.getByRole('button', { name: 'Fetch the trail and verify it' }).click();
    await page.locator('[role=status] h3').waitFor();
  },
  test: async (page) => {
    await page.getByRole('button', { name: 'Test it now' }).click();
    await page.locator('[role=status] h3').waitFor();
  },
  remove: (page) => page.getByRole('button', { name: 'Remove provider' }).click(),
  token: async (page) => { await page.locator('tbody button').first().click(); await page.locator('.pf-v6-c-modal-box__footer button').first().click(); await page.waitForTimeout(500); },
};

async function pagesToVisit(context) {
  const first = async (path, body) => {
    const session = await (await context.request.get(address('/api/v1/session'))).json();
    const response = body
      ? await context.request.post(address(path), { data: body, headers: { 'X-CSRF-Token': session.csrf_token } })
      : await context.request.get(address(path));
    return response.ok() ? (await response.json()).items?.[0]?.id ?? null : null;
  };
  const incident = await first('/api/v1/incidents?limit=1');
  const rule = await first('/api/v1/rules?limit=1');
  const source = await first('/api/v1/sources');
  const everything = { where: null, from: '2000-01-01T00:00:00Z', to: new Date(Date.now() + 86_400_000).toISOString(), limit: 1, cursor: null };
  const event = await first('/api/v1/events/search', everything);
  const entry = await first('/api/v1/audit/entries?limit=1');
  const review = await first('/api/v1/access-reviews');
  const provider = await first('/api/v1/identity-providers');
  const proposal = await first('/api/v1/proposals');
  const visits = [
    ['/incidents'], ['/incidents', 'navigation'], ['/incidents', 'shortcut sheet'], ['/incidents', 'preferences'],
    ...(incident ? [['/incidents', 'selected rows'], ['/incidents', 'close dialog']] : []), ['/incidents?q=no-such-incident-anywhere'],
    incident && [`/incidents/${incident}`], ['/incidents/00000000-0000-4000-8000-000000000000'],
    ['/events?range=all'], event && ['/events?range=all', 'completion'], event && ['/events?range=all', 'columns'], ['/events', 'query error'], event && [`/events/${event}`],
    ['/rules'], ['/rules/loads/latest'], rule && [`/rules/${rule}`],
    ['/sources'], ['/sources', 'new source'], ...(source ? [['/sources', 'token']] : []), ['/sources/quarantine'], ['/sources/no-such-page'],
    ['/account'], ['/account', 'password dialog'], ['/account', 'new api token'], ['/account', 'step up'],
    ['/users'], ['/users', 'invite'], ['/users', 'roles dialog'], ['/users', 'suspend'], ['/users/roles'], ['/users/roles', 'new role'],
    ['/users/sessions'], ['/users/service-tokens'], ['/users/policy'],
    ['/audit'], ['/audit?action=no.such.action'], entry && [`/audit/${entry}`], ['/audit/verification', 'verify'], ['/audit/checkpoints'],
    ['/proposals'], ...(proposal ? [['/proposals', 'take back']] : incident ? [[`/incidents/${incident}`, 'deletion']] : []),
    ['/access-reviews'], review && [`/access-reviews/${review}`],
    ['/identity-providers'], ['/identity-providers/new/ldap'], ['/identity-providers/new/saml'], ['/identity-providers/new/oidc'],
    ...(provider ? [[`/identity-providers/${provider}`, 'test'], [`/identity-providers/${provider}`, 'remove']] : []),
  ];
  return visits.filter(Boolean).map(([path, act]) => ({ path, act: act ?? null }));
}

const findings = { axe: [], csp: [], offOrigin: [], errors: [], overflow: [] };
let visited = 0;

async function visit(context, where, { path, act }) {
  const page = await context.newPage();
  const at = { path, act, ...where };
  page.on('console', (message) => {
    const text = message.text();
    if (/content.security.policy|trusted ?types?/i.test(text)) findings.csp.push({ ...at, text });
    // A refused request is the page's business to show; what it prints of it is the browser's.
    else if (message.type() === 'error' && !/^Failed to load resource/.test(text)) findings.errors.push({ ...at, text });
  });
  page.on('pageerror', (error) => findings.errors.push({ ...at, text: String(error.stack ?? error) }));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== base.origin && !['data:', 'blob:'].includes(url.protocol)) findings.offOrigin.push({ ...at, url: request.url() });
  });
  await page.goto(address(path), { waitUntil: 'load' });
  await settled(page);
  if (act) {
    await ACTS[act](page);
    await settled(page);
  }
  await look(page, at);
  visited += 1;
  await page.close();
}

async function look(page, at) {
  if (options.screenshots) {
    const name = `${at.path}${at.act ? `-${at.act}` : ''}-${at.theme}-${at.size}`.replace(/[^\w]+/g, '_').replace(/^_+/, '');
    await page.screenshot({ path: join(options.screenshots, `${name}.png`) });
  }
  for (const violation of await page.evaluate(() => globalThis.violatedPolicies)) findings.csp.push({ ...at, ...violation });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (sideways > 0) findings.overflow.push({ ...at, pixels: sideways });
  // Evaluated by the debugger, outside the page's policy: the audit must not loosen what it checks.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values } }), TAGS);
  for (const { id, impact, help, nodes } of violations) {
    findings.axe.push({ ...at, id, impact, help, nodes: nodes.slice(0, 5).map((node) => ({ html: node.html.slice(0, 300), why: node.failureSummary })) });
  }
}

async function settled(page) {
  // A button that waits for somebody to prove who they are turns for as long as they are asked.
  await page.waitForFunction(() => document.querySelector('h1') !== null && document.querySelector('.pf-v6-c-skeleton, .pf-v6-c-spinner:not(.pf-v6-c-button *)') === null, null, { timeout: 20_000 });
  await page.waitForTimeout(250);
}

async function main() {
  if (options.screenshots) mkdirSync(options.screenshots, { recursive: true });
  const browser = await chromium.launch({ executablePath: options.chromium, args: FLAGS });
  try {
    for (const [theme, size] of LOOKS) {
      const context = await browser.newContext({ viewport: SIZES[size], colorScheme: theme, reducedMotion: 'reduce', ignoreHTTPSErrors: options['ignore-https-errors'] });
      await context.addCookies(options.cookie.map(cookie));
      await context.addInitScript(watchPolicy);
      const visits = (await pagesToVisit(context)).filter(({ path }) => path.includes(options.only));
      for (const one of visits) await visit(context, { theme, size }, one).catch((error) => { throw new Error(`${one.path} ${one.act ?? ''} ${theme} ${size}`, { cause: error }); });
      await context.close();
    }
  } finally {
    await browser.close();
  }
  const wrong = Object.values(findings).reduce((sum, all) => sum + all.length, 0);
  console.log(JSON.stringify({ base: base.href, visited, wrong, ...findings }, null, 2));
  return wrong === 0 ? 0 : 1;
}

/** Runs in the page before anything of it. */
function watchPolicy() {
  globalThis.violatedPolicies = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    globalThis.violatedPolicies.push({ directive: event.violatedDirective, blocked: event.blockedURI, sample: event.sample, source: event.sourceFile });
  });
}

function cookie(pair) {
  const [name, ...value] = pair.split('=');
  // A `__Host-` cookie must be secure; browsers take one from localhost also without TLS.
  return { name, value: value.join('='), url: base.origin.replace(/^http:/, 'https:'), secure: true };
}

function address(path) {
  return new URL(path, base).href;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}

main().then(
  (status) => { process.exitCode = status; },
  (error) => fail(`${error.message}\n${error.cause?.stack ?? error.stack}`),
);
