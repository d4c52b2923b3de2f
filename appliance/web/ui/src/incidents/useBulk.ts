import { useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import { asProblem } from '../api/problem';
import type { BulkRequest, BulkResult, Incident, Page } from '../api/schema';
import { failureTitle } from '../panels/Failure';
import { useSession } from '../session/session';
import { INCIDENTS, LISTS } from './queries';

/** Small enough that progress is seen and a failed request leaves little undone. */
const PORTION = 25;

export type Change = Omit<BulkRequest, 'ids'>;
export interface BulkFailure { incident: Incident; code: string; detail: string }
export interface BulkState {
  action: BulkRequest['action'];
  total: number;
  done: number;
  failures: BulkFailure[];
  running: boolean;
}

type Lists = InfiniteData<Page<Incident>>;

/**
 * Acts on many incidents: rows change at once, requests follow in portions, and each row that the
 * appliance refused goes back to what it was, with the reason.
 */
export function useBulk() {
  const client = useQueryClient();
  const { user } = useSession();
  const [state, setState] = useState<BulkState | null>(null);

  async function run(incidents: Incident[], change: Change): Promise<BulkState> {
    await client.cancelQueries({ queryKey: LISTS });
    const before = new Map(incidents.map((one) => [one.id, one]));
    const draw = (rows: ReadonlyMap<string, Incident>) => client.setQueriesData<Lists>(
      { queryKey: LISTS }, (lists) => lists && replaced(lists, rows),
    );
    draw(new Map(incidents.map((one) => [one.id, expected(one, change, user)])));
    let current: BulkState = { action: change.action, total: incidents.length, done: 0, failures: [], running: true };
    setState(current);
    for (let start = 0; start < incidents.length; start += PORTION) {
      const ids = incidents.slice(start, start + PORTION).map((one) => one.id);
      const { done, failed } = await send({ ids, ...change });
      const failures = failed.flatMap(({ id, code, detail }) => {
        const incident = before.get(id);
        return incident ? [{ incident, code, detail }] : [];
      });
      draw(new Map(failures.map((one) => [one.incident.id, one.incident])));
      current = { ...current, done: current.done + done.length, failures: [...current.failures, ...failures] };
      setState(current);
    }
    current = { ...current, running: false };
    setState(current.failures.length > 0 ? current : null);
    await client.invalidateQueries({ queryKey: INCIDENTS });
    return current;
  }

  return { state, run, dismiss: () => setState(null) };
}

/** A portion that could not be sent failed for each of its rows. */
async function send(body: BulkRequest): Promise<BulkResult> {
  try {
    return await answer(api.POST('/api/v1/incidents/bulk', { body }));
  } catch (error) {
    const problem = asProblem(error);
    const detail = problem.detail === '' ? failureTitle(problem) : problem.detail;
    return { done: [], failed: body.ids.map((id) => ({ id, code: problem.code, detail })) };
  }
}

/** How a row will look if the appliance agrees. */
export function expected(one: Incident, change: Change, me: { id: string; name: string }): Incident {
  if (change.action === 'acknowledge') return { ...one, status: one.status === 'new' ? 'acknowledged' : one.status };
  if (change.action === 'close') return { ...one, status: 'closed' };
  return { ...one, owner: change.owner_id === me.id ? { id: me.id, name: me.name } : one.owner };
}

function replaced(lists: Lists, rows: ReadonlyMap<string, Incident>): Lists {
  const pages = lists.pages.map((page) => ({ ...page, items: page.items.map((one) => rows.get(one.id) ?? one) }));
  return { ...lists, pages };
}
