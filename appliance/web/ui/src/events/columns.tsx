import { Link } from 'react-router';

import type { EventSummary } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { fieldText } from '../evidence/inert';
import { t } from '../language/language';
import { Moment } from '../panels/Time';
import type { Column } from '../rows/Grid';

const SHOWN_IN_A_CELL = 300;

/** The fixed columns, then one for each field the analyst chose. */
export function eventColumns(chosen: readonly string[]): Column<EventSummary>[] {
  return [
    { key: 'time', heading: t('column.time'), cell: (one) => <Link to={`/events/${one.id}`} tabIndex={-1}><Moment at={one.event_time} precise /></Link> },
    { key: 'host', heading: t('column.host'), cell: (one) => <Inert text={one.host ?? '–'} /> },
    { key: 'kind', heading: t('column.kind'), cell: (one) => <Inert text={[one.kind ?? one.channel, one.code].filter(Boolean).join(' · ')} /> },
    ...chosen.map((name): Column<EventSummary> => ({
      key: 'field', heading: name, cell: (one) => <Cell text={fieldText(one.fields[name])} />,
    })),
    { key: 'summary', heading: t('column.summary'), cell: (one) => <Cell text={one.summary} /> },
  ];
}

function Cell({ text }: { text: string }) {
  const isLong = text.length > SHOWN_IN_A_CELL;
  return <span className="xdr-mono"><Inert text={isLong ? `${text.slice(0, SHOWN_IN_A_CELL)}…` : text} /></span>;
}
