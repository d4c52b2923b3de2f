import { Alert, Button } from '@patternfly/react-core';

import { asProblem, type Problem } from '../api/problem';
import { Inert } from '../evidence/Inert';
import { t, type MessageKey } from '../language/language';

/** What went wrong, as the appliance said it, and what to do next. Never sample data instead. */
export function Failure({ error, retry, busy = false }: { error: unknown; retry?: () => void; busy?: boolean }) {
  const problem = asProblem(error);
  return (
    <Alert
      variant={problem.status === 404 ? 'info' : 'danger'}
      isInline
      component="h2"
      title={failureTitle(problem)}
      actionLinks={retry && (
        <Button variant="secondary" size="sm" onClick={retry} isLoading={busy} isDisabled={busy}>
          {t('failure.retry')}
        </Button>
      )}
    >
      {problem.detail !== '' && <p><Inert text={problem.detail} multiline /></p>}
      <p>{t(adviceFor(problem))}</p>
      <p className="xdr-quiet">{t('failure.code', { code: problem.code, status: String(problem.status) })}</p>
    </Alert>
  );
}

export function failureTitle(problem: Problem): string {
  if (problem.isUnreachable) return t('failure.unreachable');
  return problem.title === '' ? t('failure.unexpected') : problem.title;
}

function adviceFor(problem: Problem): MessageKey {
  if (problem.isUnreachable) return 'failure.advice.unreachable';
  if (problem.code === 'step_up_required') return 'failure.advice.unproved';
  if (problem.code === 'passkey_refused') return 'failure.advice.passkey';
  if (problem.status === 403) return 'failure.advice.forbidden';
  if (problem.status === 404) return 'failure.advice.missing';
  if (problem.isConflict) return 'failure.advice.conflict';
  if (problem.status === 429 || problem.status === 503) return 'failure.advice.overload';
  return problem.status >= 500 ? 'failure.advice.fault' : 'failure.advice.request';
}
