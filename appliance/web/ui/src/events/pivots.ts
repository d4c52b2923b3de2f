import type { Entity, Why } from '../api/schema';
import { queryFor, writeQuery } from './query';
import { around, writeRange } from './range';

/** The search page for events that name an entity round an incident's time. */
export function searchFor(incident: { first_event_at: string; last_event_at: string }, { kind, value }: Pick<Entity, 'kind' | 'value'>): string {
  return searchAddress(queryFor(`entity.${kind}`, value), around(incident.first_event_at, incident.last_event_at));
}

/** The search page for a search that the appliance proposes. */
export function proposedSearch({ where, from, to }: Why['searches'][number]): string {
  return searchAddress(writeQuery(where), { from, to });
}

/** The search page for events whose field has exactly this value, round a moment. */
export function searchField(field: string, value: string, at: string): string {
  return searchAddress(queryFor(field, value), around(at, at));
}

function searchAddress(query: string, window: { from: string; to: string }): string {
  const address = writeRange(new URLSearchParams({ q: query }), window);
  return `/events?${address.toString()}`;
}
