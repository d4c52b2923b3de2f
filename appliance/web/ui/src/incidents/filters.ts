import type { IncidentStatus, Severity } from '../api/schema';

export const STATUSES: readonly IncidentStatus[] = ['new', 'acknowledged', 'in_progress', 'contained', 'closed'];
export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'informational'];
export const SORTS = ['-risk', 'newest', '-updated_at', '-created_at', 'created_at', '-severity'] as const;
export type Sort = (typeof SORTS)[number];

/** What the queue shows. It lives in the address, so that a view can be sent to a colleague. */
export interface Filters {
  status: IncidentStatus[];
  severity: Severity[];
  owner: string;
  tag: string;
  q: string;
  sort: Sort;
}

const OPEN: readonly IncidentStatus[] = ['new', 'acknowledged', 'in_progress', 'contained'];
/** In the address: every status, closed ones included. Without any status, the open ones are meant. */
const ANY = 'any';

export function readFilters(address: URLSearchParams): Filters {
  const statuses = address.getAll('status');
  return {
    status: statuses.length === 0 ? [...OPEN] : STATUSES.filter((one) => statuses.includes(one)),
    severity: SEVERITIES.filter((one) => address.getAll('severity').includes(one)),
    owner: address.get('owner') ?? '',
    tag: address.get('tag') ?? '',
    q: address.get('q') ?? '',
    sort: SORTS.find((one) => one === address.get('sort')) ?? '-risk',
  };
}

export function writeFilters(filters: Filters): URLSearchParams {
  const address = new URLSearchParams();
  const isDefault = filters.status.length === OPEN.length && OPEN.every((one) => filters.status.includes(one));
  const every = filters.status.length === 0 || filters.status.length === STATUSES.length;
  if (every) address.append('status', ANY);
  else if (!isDefault) filters.status.forEach((one) => address.append('status', one));
  filters.severity.forEach((one) => address.append('severity', one));
  if (filters.owner !== '') address.set('owner', filters.owner);
  if (filters.tag !== '') address.set('tag', filters.tag);
  if (filters.q !== '') address.set('q', filters.q);
  if (filters.sort !== '-risk') address.set('sort', filters.sort);
  return address;
}

/** One value more or less in a filter. */
export function flipped<T>(values: readonly T[], value: T): T[] {
  return values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
}
