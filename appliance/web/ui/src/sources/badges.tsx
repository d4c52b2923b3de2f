import { Label } from '@patternfly/react-core';
import { BanIcon } from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import { ExclamationCircleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import { ExclamationTriangleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import { PendingIcon } from '@patternfly/react-icons/dist/esm/icons/pending-icon';

import type { SourceState } from '../api/schema';
import { word } from '../language/language';

const LOOKS = {
  receiving: { color: 'green', icon: <CheckCircleIcon /> },
  silent: { color: 'orange', icon: <ExclamationTriangleIcon /> },
  never: { color: 'blue', icon: <PendingIcon /> },
  disabled: { color: 'grey', icon: <BanIcon /> },
  not_readable: { color: 'red', icon: <ExclamationCircleIcon /> },
} as const;

export function SourceStateLabel({ state }: { state: SourceState }) {
  const look = LOOKS[state];
  return <Label isCompact variant="outline" color={look.color} icon={look.icon}>{word('source.state', state)}</Label>;
}
