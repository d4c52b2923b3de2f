/** The field name being typed at the caret, if one is. */
export interface Typed { start: number; prefix: string }

export function fieldBeingTyped(text: string, caret: number): Typed | null {
  const before = text.slice(0, caret);
  if ((before.match(/"/g)?.length ?? 0) % 2 === 1) return null;
  const found = /(?:^|[\s(])([\p{L}_@][\p{L}\p{N}_.@-]*)$/u.exec(before);
  const prefix = found?.[1];
  if (prefix === undefined || ['AND', 'OR', 'NOT'].includes(prefix)) return null;
  return { start: caret - prefix.length, prefix };
}

/** The text with the field chosen, and where the caret goes. */
export function completed(text: string, caret: number, typed: Typed, field: string): [string, number] {
  const end = typed.start + field.length + 1;
  return [`${text.slice(0, typed.start)}${field}:${text.slice(caret)}`, end];
}
