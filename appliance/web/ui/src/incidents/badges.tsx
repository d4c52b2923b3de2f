import { Label } from '@patternfly/react-core';
import { AngleDoubleDownIcon } from '@patternfly/react-icons/dist/esm/icons/angle-double-down-icon';
import { AngleDoubleUpIcon } from '@patternfly/react-icons/dist/esm/icons/angle-double-up-icon';
import { AngleDownIcon } from '@patternfly/react-icons/dist/esm/icons/angle-down-icon';
import { AngleUpIcon } from '@patternfly/react-icons/dist/esm/icons/angle-up-icon';
import { EqualsIcon } from '@patternfly/react-icons/dist/esm/icons/equals-icon';

import type { IncidentStatus, Named, Severity } from '../api/schema';
import { word } from '../language/language';

const SEVERITY = {
  critical: { color: 'red', icon: <AngleDoubleUpIcon /> },
  high: { color: 'orange', icon: <AngleUpIcon /> },
  medium: { color: 'yellow', icon: <EqualsIcon /> },
  low: { color: 'blue', icon: <AngleDownIcon /> },
  informational: { color: 'grey', icon: <AngleDoubleDownIcon /> },
} as const;

const STATUS = {
  new: 'purple', acknowledged: 'blue', in_progress: 'teal', contained: 'green', closed: 'grey',
} as const;

/** Severity by word, shape and colour, so that none of them carries the meaning alone. */
export function SeverityLabel({ level }: { level: Severity }) {
  const look = Object.hasOwn(SEVERITY, level) ? SEVERITY[level] : SEVERITY.informational;
  return <Label isCompact color={look.color} icon={look.icon}>{word('severity', level)}</Label>;
}

export function StatusLabel({ status }: { status: IncidentStatus }) {
  return <Label isCompact variant="outline" color={STATUS[status]}>{word('incident.status', status)}</Label>;
}

/** ATT&CK techniques, by id with the name beside it. */
export function Techniques({ of: all, short = false }: { of: readonly (Named | string)[]; short?: boolean }) {
  const of = all.map((one) => (typeof one === 'string' ? { id: one, name: '' } : one));
  const shown = short ? of.slice(0, 3) : of;
  return (
    <span className="xdr-techniques">
      {shown.map((one) => (
        <span key={one.id} className="xdr-technique" title={one.name}>
          <code>{one.id}</code>{short || one.name === '' ? '' : ` ${one.name}`}
        </span>
      ))}
      {shown.length < of.length && <span className="xdr-quiet">+{of.length - shown.length}</span>}
    </span>
  );
}
