import { useMutation, useQueryClient } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { asProblem } from '../api/problem';
import type { IncidentStatus, Severity } from '../api/schema';
import { changesOf, INCIDENTS } from './queries';

export type Edit =
  | { kind: 'acknowledge'; note: string | null }
  | { kind: 'transition'; to: IncidentStatus; reason: string | null; note: string | null }
  | { kind: 'patch'; fields: { owner_id?: string | null; severity?: Severity; tags?: string[] } };

/**
 * Changes one incident as it was seen: the ETag travels along, so a colleague's change in between
 * is a conflict and never overwritten. After a conflict the page shows what he did; what was
 * being written stays where it was.
 */
export function useIncidentChange(id: string, etag: string | null) {
  const client = useQueryClient();
  return useMutation({
    mutationKey: changesOf(id),
    mutationFn: (edit: Edit) => send(id, etag, edit),
    onError: (error) => asProblem(error).isConflict ? client.invalidateQueries({ queryKey: [...INCIDENTS, 'one', id] }) : undefined,
    onSuccess: () => client.invalidateQueries({ queryKey: INCIDENTS }),
  });
}

async function send(id: string, etag: string | null, edit: Edit): Promise<unknown> {
  const path = { id };
  const header = etag === null ? {} : { 'If-Match': etag };
  switch (edit.kind) {
    case 'acknowledge':
      return answer(api.POST('/api/v1/incidents/{id}/acknowledgement', { params: { path }, body: { note: edit.note } }));
    case 'transition':
      return answer(api.POST('/api/v1/incidents/{id}/transition', {
        params: { path, header }, body: { to: edit.to, reason: edit.reason, note: edit.note },
      }));
    case 'patch':
      return answer(api.PATCH('/api/v1/incidents/{id}', { params: { path, header }, body: edit.fields }));
  }
}
