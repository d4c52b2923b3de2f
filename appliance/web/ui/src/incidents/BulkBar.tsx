import { Alert, AlertActionCloseButton, Button, Progress } from '@patternfly/react-core';

import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import type { BulkState } from './useBulk';

const SHOWN_AT_FIRST = 5;

interface BulkBarProps {
  selected: number;
  disabled: boolean;
  act: (action: 'acknowledge' | 'assign' | 'close') => void;
  clear: () => void;
}

/** What can be done with the selected rows, each with its key. */
export function BulkBar({ selected, disabled, act, clear }: BulkBarProps) {
  const off = disabled || selected === 0;
  return (
    <div role="toolbar" aria-label={t('bulk.label')} className="xdr-bulk">
      <span role="status">{t('bulk.selected', { count: selected })}</span>
      <Button size="sm" variant="secondary" isDisabled={off} onClick={() => act('acknowledge')}>{t('act.acknowledge')} <kbd>a</kbd></Button>
      <Button size="sm" variant="secondary" isDisabled={off} onClick={() => act('assign')}>{t('act.assign')} <kbd>e</kbd></Button>
      <Button size="sm" variant="secondary" isDisabled={off} onClick={() => act('close')}>{t('act.close')} <kbd>c</kbd></Button>
      {selected > 0 && <Button size="sm" variant="link" onClick={clear}>{t('bulk.clear')}</Button>}
    </div>
  );
}

/** How far a bulk action is, and afterwards each row that it failed for, until dismissed. */
export function BulkProgress({ state, dismiss }: { state: BulkState; dismiss: () => void }) {
  const { done, total, failures, running, action } = state;
  if (running) {
    return (
      <Progress
        size="sm" value={done + failures.length} max={total} measureLocation="outside"
        title={t('bulk.running', { action: word('act', action) })} label={t('bulk.progress', { done: done + failures.length, total })}
        valueText={t('bulk.progress', { done: done + failures.length, total })}
      />
    );
  }
  return (
    <Alert
      variant="warning" isInline component="h2"
      title={t('bulk.failed', { action: word('act', action), count: failures.length, total })}
      actionClose={<AlertActionCloseButton onClose={dismiss} />}
    >
      <Failures of={failures.slice(0, SHOWN_AT_FIRST)} />
      {failures.length > SHOWN_AT_FIRST && (
        <details>
          <summary>{t('bulk.rest', { count: failures.length - SHOWN_AT_FIRST })}</summary>
          <Failures of={failures.slice(SHOWN_AT_FIRST)} />
        </details>
      )}
    </Alert>
  );
}

function Failures({ of }: { of: BulkState['failures'] }) {
  return (
    <ul>
      {of.map(({ incident, code, detail }) => (
        <li key={incident.id}>#{incident.number} <Inert text={incident.title} />: {detail === '' ? code : detail}</li>
      ))}
    </ul>
  );
}
