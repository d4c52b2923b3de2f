import english from '../../messages/en.json';

/**
 * The console's words. Messages are flat; `{name}` is replaced, and a key that has `.one` and
 * `.other` chooses by the number called `count`. Nothing else is interpreted, so a message can
 * never run or mark up what is put into it.
 */
type Keys = keyof typeof english;
type Plural<K> = K extends `${infer Base}.other` ? Base : never;
export type MessageKey = Exclude<Keys, `${string}.one` | `${string}.other`> | Plural<Keys>;
export type Messages = Record<Keys, string>;
export type Values = Readonly<Record<string, string | number>>;

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

let messages: Messages = english;
let language: Language = 'en';
let plurals = new Intl.PluralRules('en');

export function currentLanguage(): Language {
  return language;
}

/** Chosen by the user, else the first of the browser's languages that we speak, else English. */
export function preferredLanguage(stored: string | null, wanted: readonly string[]): Language {
  const candidates = stored === null ? wanted : [stored, ...wanted];
  for (const candidate of candidates) {
    const base = candidate.slice(0, 2).toLowerCase();
    if (base in LANGUAGES) return base as Language;
  }
  return 'en';
}

export async function loadLanguage(next: Language): Promise<void> {
  messages = next === 'de' ? (await import('../../messages/de.json')).default : english;
  language = next;
  plurals = new Intl.PluralRules(next);
}

export function t(key: MessageKey, values: Values = {}): string {
  return fill(message(key, values), values);
}

/** A message whose key comes from data (a state, a reason); the data itself if we have no word. */
export function word(prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return Object.hasOwn(messages, key) ? messages[key as Keys] : value.replaceAll('_', ' ');
}

function message(key: string, values: Values): string {
  if (Object.hasOwn(messages, key)) return messages[key as Keys];
  const form = plurals.select(Number(values.count ?? 0)) === 'one' ? 'one' : 'other';
  return messages[`${key}.${form}` as Keys];
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? formatNumber(value) : value;
  });
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value);
}
