import { Label } from '@patternfly/react-core';

import type { AuditActor } from '../api/audit';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';

const COLOURS: Record<string, 'green' | 'orange' | 'red'> = { success: 'green', denied: 'orange', failed: 'red' };

export function OutcomeLabel({ outcome }: { outcome: string }) {
  return <Label isCompact variant="outline" color={COLOURS[outcome] ?? 'grey'}>{word('audit.outcome', outcome)}</Label>;
}

/** Who acted; of somebody who was erased the kind is left. */
export function ActorName({ actor }: { actor: AuditActor }) {
  if (actor.name === null) return <span className="xdr-quiet">{t('audit.erased')}</span>;
  return <Inert text={actor.name === '' ? word('audit.kind', actor.kind) : actor.name} />;
}
