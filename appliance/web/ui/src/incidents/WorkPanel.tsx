import { Alert, Button, Form, FormGroup, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { useIsMutating, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import type { IncidentDetail, IncidentStatus, Severity } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { useShortcuts } from '../keyboard/shortcuts';
import { t, word } from '../language/language';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { useMay, useSession } from '../session/session';
import { StatusLabel } from './badges';
import { useIncidentChange, type Edit } from './changes';
import { SEVERITIES } from './filters';
import { changesOf, users } from './queries';
import { Refused } from './Refused';
import { TransitionDialog } from './TransitionDialog';

interface WorkProps { incident: IncidentDetail; etag: string | null }

/** State, owner, severity and tags: what analysts do with the incident. */
export function WorkPanel({ incident, etag }: WorkProps) {
  const change = useIncidentChange(incident.id, etag);
  const [target, setTarget] = useState<IncidentStatus | null>(null);
  const { user } = useSession();
  const may = useMay('incidents:update');
  const isBusy = useIsMutating({ mutationKey: changesOf(incident.id) }) > 0;
  const apply = (edit: Edit) => change.mutate(edit);
  const go = (to: IncidentStatus) => {
    if (to === 'acknowledged' && incident.status === 'new') apply({ kind: 'acknowledge', note: null });
    else setTarget(to);
  };
  useWorkKeys(incident, may && !isBusy, go, () => apply({ kind: 'patch', fields: { owner_id: user.id } }));
  return (
    <Panel title={t('work.title')}>
      {change.error && <Refused error={change.error} />}
      <p className="xdr-line"><StatusLabel status={incident.status} /><Acknowledged incident={incident} /></p>
      <Closure incident={incident} />
      {may && <Transitions incident={incident} busy={isBusy} go={go} />}
      <Form className="xdr-work-form">
        <OwnerField incident={incident} disabled={!may || isBusy} apply={apply} />
        <SeverityField incident={incident} disabled={!may || isBusy} apply={apply} />
      </Form>
      <Tags tags={incident.tags} disabled={!may || isBusy} apply={apply} />
      {target && (
        <TransitionDialog
          to={target} needsReason={incident.allowed_transitions.find((one) => one.to === target)?.needs_reason ?? false}
          busy={isBusy} cancel={() => setTarget(null)}
          confirm={(reason, note) => change.mutate(
            { kind: 'transition', to: target, reason, note }, { onSuccess: () => setTarget(null) },
          )}
          error={change.error}
        />
      )}
    </Panel>
  );
}

function useWorkKeys(incident: IncidentDetail, enabled: boolean, go: (to: IncidentStatus) => void, take: () => void): void {
  useShortcuts(({ key, modified }) => {
    if (!enabled || modified) return false;
    const to = ({ a: 'acknowledged', c: 'closed' } as const)[key as 'a' | 'c'] as IncidentStatus | undefined;
    if (key === 'e') take();
    else if (to && incident.allowed_transitions.some((one) => one.to === to)) go(to);
    else return false;
    return true;
  });
}

function Acknowledged({ incident }: { incident: IncidentDetail }) {
  if (!incident.acknowledged_at) return null;
  return (
    <span className="xdr-quiet">
      {t('work.acknowledged')} <bdi>{incident.acknowledged_by?.name ?? ''}</bdi>, <Moment at={incident.acknowledged_at} />
    </span>
  );
}

function Closure({ incident: { closure } }: { incident: IncidentDetail }) {
  if (closure === null) return null;
  return (
    <Alert variant="info" isInline isPlain component="h3" title={t('work.closed', { reason: word('close.reason', closure.reason) })}>
      <p className="xdr-quiet">{closure.by && <bdi>{closure.by.name}</bdi>} · <Moment at={closure.at} /></p>
      {closure.note && <p><Inert text={closure.note} multiline /></p>}
    </Alert>
  );
}

const KEYS: Partial<Record<IncidentStatus, string>> = { acknowledged: 'a', closed: 'c' };

function Transitions({ incident, busy, go }: { incident: IncidentDetail; busy: boolean; go: (to: IncidentStatus) => void }) {
  return (
    <div className="xdr-line" role="group" aria-label={t('work.transitions')}>
      {incident.allowed_transitions.map(({ to }, index) => (
        <Button key={to} size="sm" variant={index === 0 ? 'primary' : 'secondary'} isDisabled={busy} onClick={() => go(to)}>
          {word(incident.status === 'closed' ? 'reopen.to' : 'transition.to', to)} {KEYS[to] && <kbd>{KEYS[to]}</kbd>}
        </Button>
      ))}
    </div>
  );
}

interface FieldProps { incident: IncidentDetail; disabled: boolean; apply: (edit: Edit) => void }

function OwnerField({ incident, disabled, apply }: FieldProps) {
  const { user } = useSession();
  const people = useQuery(users).data?.items ?? [];
  const owner = incident.owner;
  const listed = [...people, ...(people.some((one) => one.id === user.id) ? [] : [user])];
  const known = owner === null || listed.some((one) => one.id === owner.id);
  return (
    <FormGroup label={t('column.owner')} fieldId="owner">
      <FormSelect
        id="owner" value={owner?.id ?? ''} isDisabled={disabled}
        onChange={(_, id) => apply({ kind: 'patch', fields: { owner_id: id === '' ? null : id } })}
      >
        <FormSelectOption value="" label={t('owner.none')} />
        {listed.map((one) => <FormSelectOption key={one.id} value={one.id} label={one.id === user.id ? t('owner.me', { name: one.name }) : one.name} />)}
        {!known && <FormSelectOption value={owner.id ?? ''} label={owner.name} />}
      </FormSelect>
    </FormGroup>
  );
}

function SeverityField({ incident, disabled, apply }: FieldProps) {
  return (
    <FormGroup label={t('column.severity')} fieldId="severity">
      <FormSelect
        id="severity" value={incident.severity} isDisabled={disabled}
        onChange={(_, value) => apply({ kind: 'patch', fields: { severity: value as Severity } })}
      >
        {SEVERITIES.map((one) => <FormSelectOption key={one} value={one} label={word('severity', one)} />)}
      </FormSelect>
    </FormGroup>
  );
}

function Tags({ tags, disabled, apply }: { tags: readonly string[]; disabled: boolean; apply: (edit: Edit) => void }) {
  const [text, setText] = useState('');
  const save = (next: string[]) => apply({ kind: 'patch', fields: { tags: next } });
  const add = (event: { preventDefault(): void }) => {
    event.preventDefault();
    const tag = text.trim();
    if (tag !== '' && !tags.includes(tag)) save([...tags, tag]);
    setText('');
  };
  return (
    <div className="xdr-tags" role="group" aria-label={t('work.tags')}>
      {tags.map((tag) => (
        <span key={tag} className="xdr-tag">
          <Link to={`/incidents?tag=${encodeURIComponent(tag)}`}><Inert text={tag} /></Link>
          {!disabled && <button type="button" onClick={() => save(tags.filter((one) => one !== tag))} aria-label={t('work.tag.remove', { tag })}>×</button>}
        </span>
      ))}
      {!disabled && (
        <form onSubmit={add}>
          <TextInput className="xdr-tag-input" aria-label={t('work.tag.add')} placeholder={t('work.tag.add')} value={text} onChange={(_, value) => setText(value)} />
        </form>
      )}
    </div>
  );
}
