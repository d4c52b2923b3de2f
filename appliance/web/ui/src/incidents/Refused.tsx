import { Alert } from '@patternfly/react-core';

import { asProblem } from '../api/problem';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';

/** A change that was not made; a colleague's change in between is said as what it is. */
export function Refused({ error }: { error: Error }) {
  if (!asProblem(error).isConflict) return <Failure error={error} />;
  return <Alert variant="warning" isInline component="h3" title={t('conflict.title')}>{t('conflict.advice')}</Alert>;
}
