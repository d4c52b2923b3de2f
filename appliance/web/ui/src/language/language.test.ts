import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import german from '../../messages/de.json';
import english from '../../messages/en.json';
import { LANGUAGES, loadLanguage, preferredLanguage, t, word } from './language';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

afterEach(() => loadLanguage('en'));

describe('the messages', () => {
  it('are one file for each language', () => {
    const files = readdirSync(join(import.meta.dirname, '../../messages')).sort();

    expect(files).toEqual(Object.keys(LANGUAGES).map((one) => `${one}.json`).sort());
  });

  it('are the same keys in every language', () => {
    expect(Object.keys(german)).toEqual(Object.keys(english));
  });

  it.each(Object.keys(english) as (keyof typeof english)[])('have the same placeholders: %s', (key) => {
    expect(placeholders(german[key])).toEqual(placeholders(english[key]));
    expect(german[key].trim()).not.toBe('');
  });

  it('have both forms wherever they have one', () => {
    const bases = (form: string) => Object.keys(english).filter((key) => key.endsWith(form)).map((key) => key.slice(0, -form.length));

    expect(bases('.one')).toEqual(bases('.other'));
  });

  it('are all used somewhere', () => {
    const source = sourceText(join(import.meta.dirname, '..'));
    const families = [...source.matchAll(/word\((?:[^)]*\? )?'([\w.]+)'(?: : '([\w.]+)')?,/g)].flatMap((found) => [found[1], found[2]]);
    families.push(...[...source.matchAll(/prefix="([\w.]+)"/g)].map((found) => found[1]));
    families.push(...[...source.matchAll(/t\(`([\w.]+)\.\$\{/g)].map((found) => found[1]));
    const isUsed = (key: string) => {
      const base = key.replace(/\.(one|other)$/, '');
      const isWord = families.some((family) => family !== undefined && key.startsWith(`${family}.`));
      return isWord || source.includes(`'${key}'`) || source.includes(`'${base}'`);
    };

    expect(Object.keys(english).filter((key) => !isUsed(key))).toEqual([]);
  });
});

describe('the language', () => {
  it('is what the user chose, else what his browser wants, else English', () => {
    expect(preferredLanguage('de', ['en'])).toBe('de');
    expect(preferredLanguage(null, ['fr', 'de-AT', 'en'])).toBe('de');
    expect(preferredLanguage(null, ['fr'])).toBe('en');
  });

  it('chooses the form by the number', async () => {
    expect([t('incident.events', { count: 1 }), t('incident.events', { count: 1200 })]).toEqual(['1 event', '1,200 events']);
    await loadLanguage('de');
    expect(t('incident.events', { count: 1200 })).toBe('1.200 Ereignisse');
  });

  it('never interprets what is put into a message', () => {
    expect(t('filter.tag', { tag: '{tag}$&' })).toBe('Tag {tag}$&');
  });

  it('shows data it has no word for as it is', () => {
    expect([word('rule.reason', 'bad_yaml'), word('status', 'constructor')]).toEqual(['bad yaml', 'constructor']);
  });
});

function sourceText(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
}
