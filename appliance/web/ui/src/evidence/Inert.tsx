import { useState } from 'react';

import { t } from '../language/language';
import type { Range } from './highlight';
import { inertSegments } from './inert';

const SHOWN_AT_FIRST = 4_000;

interface InertProps {
  text: string;
  /** Line breaks and tabs are kept. */
  multiline?: boolean;
  /** The part to mark as matched. */
  mark?: Range | null;
}

/** Text from evidence: isolated from the page's direction, every hidden character visible. */
export function Inert({ text, multiline = false, mark = null }: InertProps) {
  const [whole, setWhole] = useState(false);
  const isLong = text.length > SHOWN_AT_FIRST && !whole;
  const shown = isLong ? text.slice(0, SHOWN_AT_FIRST) : text;
  const [start, end] = mark ?? [0, 0];
  return (
    <bdi dir="ltr" className={multiline ? 'xdr-inert xdr-inert-lines' : 'xdr-inert'}>
      <Segments text={shown.slice(0, start)} multiline={multiline} />
      {end > start && <mark><Segments text={shown.slice(start, end)} multiline={multiline} /></mark>}
      <Segments text={shown.slice(end)} multiline={multiline} />
      {isLong && (
        <button type="button" className="xdr-more" onClick={() => setWhole(true)}>
          {t('inert.more', { count: text.length - SHOWN_AT_FIRST })}
        </button>
      )}
    </bdi>
  );
}

function Segments({ text, multiline }: { text: string; multiline: boolean }) {
  return inertSegments(text, multiline).map((segment, index) =>
    segment.symbol === null
      ? segment.raw
      : <span key={index} className="xdr-symbol">{segment.symbol}</span>,
  );
}
