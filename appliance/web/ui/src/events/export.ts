import { answer, api } from '../api/client';
import type { EventSummary, QueryTree, SearchResult } from '../api/schema';
import { csvFile, saveFile } from '../evidence/csv';
import { fieldText } from '../evidence/inert';
import type { Window } from './range';

export const EXPORT_LIMIT = 10_000;
const PAGE_SIZE = 200;
const ENVELOPE = ['event_time', 'received_at', 'id', 'source', 'host', 'kind', 'channel', 'code', 'summary'] as const;

/** All events of a search, up to the limit, as a CSV download; says how many and whether that was all. */
export async function exportEvents(
  where: QueryTree | null, { from, to }: Window, progress: (count: number) => void, signal: AbortSignal,
): Promise<{ count: number; complete: boolean }> {
  const events: EventSummary[] = [];
  let cursor: string | null = null;
  let stopped = false;
  do {
    const page: SearchResult = await answer(api.POST('/api/v1/events/search', { body: { where, from, to, limit: PAGE_SIZE, cursor }, signal }));
    events.push(...page.items);
    stopped ||= page.searched.stopped !== null;
    cursor = page.next_cursor;
    progress(events.length);
  } while (cursor !== null && events.length < EXPORT_LIMIT);
  saveFile(`events-${to.slice(0, 19).replaceAll(':', '')}.csv`, eventsAsCSV(events), 'text/csv;charset=utf-8');
  return { count: events.length, complete: cursor === null && !stopped };
}

/** The envelope, then every field that any of the events has. */
export function eventsAsCSV(events: readonly EventSummary[]): string {
  const fields = [...new Set(events.flatMap((one) => Object.keys(one.fields)))].sort();
  const rows = events.map((one) => [
    ...ENVELOPE.map((name) => (name === 'source' ? one.source?.name ?? '' : one[name] ?? '')),
    ...fields.map((name) => fieldText(one.fields[name])),
  ]);
  return csvFile([...ENVELOPE, ...fields], rows);
}
