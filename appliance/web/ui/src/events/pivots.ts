import { queryFor } from './query';
import { around, writeRange } from './range';

/** The search page for events that mention a value round an incident's time. */
export function searchFor(incident: { first_event_at: string; last_event_at: string }, value: string): string {
  return searchAddress(quoted(value), around(incident.first_event_at, incident.last_event_at));
}

/** The search page for events whose field has exactly this value, round a moment. */
export function searchField(field: string, value: string, at: string): string {
  return searchAddress(queryFor(field, value), around(at, at));
}

function searchAddress(query: string, window: { from: string; to: string }): string {
  const address = writeRange(new URLSearchParams({ q: query }), window);
  return `/events?${address.toString()}`;
}

function quoted(value: string): string {
  return queryFor('_', value).slice(2);
}
