/** Writes the notices of every library that is in the bundle, from the libraries themselves. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const bundled = Object.entries(lock.packages)
  .filter(([path, entry]) => path.startsWith('node_modules/') && !entry.dev && !entry.devOptional && existsSync(path))
  .map(([path]) => path)
  .sort();

const sections = bundled.map((path) => {
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const texts = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  const text = texts.map((file) => readFileSync(join(path, file), 'utf8').trim()).join('\n\n');
  if (!license && text === '') throw new Error(`${name} ${version} names no licence`);
  return `${name} ${version}\nLicence: ${license ?? 'see below'}\n\n${text}`.trim();
});

// The typefaces come inside PatternFly and have a licence of their own.
sections.push('Red Hat Display, Red Hat Text, Red Hat Mono\nLicence: SIL Open Font License 1.1 (OFL-1.1)');

const rule = `\n\n${'-'.repeat(80)}\n\n`;
writeFileSync('_dist/THIRD-PARTY-NOTICES.txt', `Libraries in this console\n${rule}${sections.join(rule)}\n`);
console.log(`${sections.length} notices`);
