/**
 * Verifies the appliance's own trail in the browser, then tampers with it on its way, and as a file,
 * and sees the viewer name the entry; looks at one entry and its proof.
 *
 *   node tests/e2e/console/audit_viewer.mjs URL COOKIE
 */
import assert from 'node:assert/strict';

import { drive, signedIn } from './driving.mjs';

const [base, cookie] = process.argv.slice(2);
const EXPORT = '**/api/v1/audit/export';

await drive(async (page, context) => {
  await signedIn(context, base, cookie);
  await page.goto(`${base}/audit/verification`);
  const verdict = page.locator('[role=status]');
  const fetchAndVerify = async () => {
    await page.getByRole('button', { name: 'Fetch the trail and verify it' }).click();
    await verdict.getByRole('heading').waitFor();
    return verdict.getByRole('heading').innerText();
  };

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export the trail' }).click();
  const chunks = [];
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString('utf8').split('\n');
  const records = lines.flatMap((line, index) => line.startsWith('E ') ? [index] : []);
  assert.ok(records.length > 4, `${records.length} records`);
  assert.match(await fetchAndVerify(), /Intact/);

  // One letter of the third record, on its way to the browser.
  const victim = lines[records[2]];
  const { id } = JSON.parse(victim.split(' ').slice(4).join(' '));
  await page.route(EXPORT, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: (await answer.text()).replace(victim, victim.replace('"action":"', '"action":"un')) });
  });
  assert.match(await fetchAndVerify(), /Wrong: an entry was edited/);
  assert.equal(await verdict.getByRole('link').innerText(), id);
  await page.unroute(EXPORT);

  const verifyFile = async (text) => {
    await page.getByLabel('Export to verify').setInputFiles({ name: 'audit.xdr-audit', mimeType: 'application/octet-stream', buffer: Buffer.from(text) });
    await page.getByRole('button', { name: 'Verify the file' }).click();
    await verdict.getByRole('heading').waitFor();
    return verdict.innerText();
  };
  const gone = lines.toSpliced(records[3], 1).join('\n');
  assert.match(await verifyFile(gone), /an entry was deleted[\s\S]*record 4/);
  const short = lines.slice(0, records[4]).join('\n');
  assert.match(await verifyFile(`${short}\n`), /the end is missing[\s\S]*record 5/);
  assert.match(await verifyFile('nothing of ours\n'), /cannot be read/);
  await page.getByLabel('Fingerprint that you noted').fill('0'.repeat(64));
  assert.match(await verifyFile(lines.join('\n')), /a key that is not yours/);

  await page.goto(`${base}/audit?action=source.`);
  await page.locator('[data-index="0"] a').click();
  await page.getByText(/Checked in this browser|the next checkpoint will cover it/).waitFor();
  return { id, records: records.length, proof: await page.locator('.pf-v6-c-alert').innerText() };
});
