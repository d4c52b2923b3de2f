import { Label } from '@patternfly/react-core';
import { BanIcon } from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import { ExclamationTriangleIcon } from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';

import type { RuleState, RuleSummary } from '../api/schema';
import { t, word } from '../language/language';

const LOOKS = {
  active: { color: 'green', icon: <CheckCircleIcon /> },
  inactive: { color: 'orange', icon: <ExclamationTriangleIcon /> },
  disabled: { color: 'grey', icon: <BanIcon /> },
} as const;

export function RuleStateLabel({ state }: { state: RuleState }) {
  const look = LOOKS[state];
  return <Label isCompact variant="outline" color={look.color} icon={look.icon}>{word('rule.state', state)}</Label>;
}

/** "windows / process_creation", from the parts a rule names. */
export function logsourceText({ product, service, category }: RuleSummary['logsource']): string {
  return [product, category, service].filter(Boolean).join(' / ');
}

/** Who wrote the rule; an import may leave it empty. */
export function authorName(author: string | null): string {
  return author === null || author === '' ? t('rule.author.unknown') : author;
}
