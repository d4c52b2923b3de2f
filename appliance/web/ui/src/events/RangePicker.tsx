import { Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useState } from 'react';

import { t, word } from '../language/language';
import { usePreference } from '../frame/theme';
import { SPANS, type Span, type TimeRange, type Window } from './range';

interface RangePickerProps { range: TimeRange; window: Window; change: (range: TimeRange) => void }

/** A span back from now, or two moments in the chosen zone. */
export function RangePicker({ range, window, change }: RangePickerProps) {
  const [zone] = usePreference('zone');
  const isFixed = 'from' in range;
  return (
    <div className="xdr-range" role="group" aria-label={t('range.label')}>
      <FormSelect
        className="xdr-fit" aria-label={t('range.label')} value={isFixed ? 'fixed' : range.span}
        onChange={(_, value) => change(value === 'fixed' ? window : { span: value as Span | 'all' })}
      >
        {[...Object.keys(SPANS), 'all'].map((one) => <FormSelectOption key={one} value={one} label={word('range', one)} />)}
        <FormSelectOption value="fixed" label={t('range.fixed')} />
      </FormSelect>
      {isFixed && <Moments key={`${range.from} ${range.to} ${zone}`} window={range} utc={zone === 'utc'} change={change} />}
    </div>
  );
}

function Moments({ window, utc, change }: { window: Window; utc: boolean; change: (range: TimeRange) => void }) {
  const [from, setFrom] = useState(() => toField(window.from, utc));
  const [to, setTo] = useState(() => toField(window.to, utc));
  const start = fromField(from, utc);
  const end = fromField(to, utc);
  const isValid = start !== null && end !== null && start < end;
  return (
    <>
      <input type="datetime-local" step="1" aria-label={t('range.from')} value={from} onChange={(event) => setFrom(event.target.value)} className="xdr-moment-field" />
      <span aria-hidden="true">–</span>
      <input type="datetime-local" step="1" aria-label={t('range.to')} value={to} onChange={(event) => setTo(event.target.value)} className="xdr-moment-field" />
      <span className="xdr-quiet">{t(utc ? 'preferences.zone.utc' : 'preferences.zone.local')}</span>
      <Button variant="secondary" size="sm" isDisabled={!isValid} onClick={() => { if (isValid) change({ from: start, to: end }); }}>{t('range.apply')}</Button>
    </>
  );
}

function toField(iso: string, utc: boolean): string {
  const date = new Date(iso);
  const shift = utc ? 0 : date.getTimezoneOffset() * 60_000;
  return new Date(date.getTime() - shift).toISOString().slice(0, 19);
}

function fromField(text: string, utc: boolean): string | null {
  const time = Date.parse(utc ? `${text}Z` : text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
