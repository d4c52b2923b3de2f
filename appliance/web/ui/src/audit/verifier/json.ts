import { NotAnExport } from './bytes';

/** Reading JSON of strangers: each value is what it should be, or the file cannot be read. */
export type Json = Record<string, unknown>;

/** An object, from its text or as it was read. */
export function object(said: unknown): Json {
  const value: unknown = typeof said === 'string' ? parsed(said) : said;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new NotAnExport('an object is missing where one should be');
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new NotAnExport('a text is missing where one should be');
}

/** A whole number from 0, as far as numbers are exact. */
export function integer(value: unknown): number {
  const found = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof found === 'number' && Number.isSafeInteger(found) && found >= 0) return found;
  throw new NotAnExport('a number is missing where one should be');
}

export function list(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new NotAnExport('a list is missing where one should be');
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    throw new NotAnExport('a line holds JSON that cannot be read');
  }
}
