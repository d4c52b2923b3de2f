import type { Grant, Role } from '../api/identity';
import { word } from '../language/language';

/** What the dialog holds of one role: until when, as the field for a moment writes it; "" is for ever. */
export type Chosen = ReadonlyMap<string, string>;

export interface Wanted { role: string; expires_at: string | null }

/** The roles given here; what a directory's groups gave is not ours to change. */
export function chosenFrom(grants: readonly Grant[]): Chosen {
  return new Map(grants.filter((one) => one.origin === 'local').map((one) => [one.role, one.expires_at === null ? '' : fieldMoment(one.expires_at)]));
}

/** What to ask for. A moment that was not touched stays to the microsecond what it was. */
export function wantedFrom(chosen: Chosen, grants: readonly Grant[]): Wanted[] {
  const before = new Map(grants.filter((one) => one.origin === 'local').map((one) => [one.role, one.expires_at]));
  return [...chosen].map(([role, until]) => {
    const was = before.get(role) ?? null;
    if (was !== null && fieldMoment(was) === until) return { role, expires_at: was };
    return { role, expires_at: until === '' ? null : new Date(until).toISOString() };
  });
}

/** A moment as `<input type="datetime-local">` wants it: local time to the minute. */
export function fieldMoment(iso: string): string {
  const at = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** A built-in role in the reader's language, one's own by the title it was given. */
export function roleTitle(name: string, roles: readonly Role[]): string {
  const role = roles.find((one) => one.name === name);
  return role === undefined || role.built_in ? word('role', name) : role.title;
}
