import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useId, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import { flushSync } from 'react-dom';

import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { completed, fieldBeingTyped } from './completion';
import { describeTree } from './describe';
import { eventFields } from './queries';
import { parseQuery, QueryError } from './query';

const OFFERED = 8;

interface QueryBoxProps { initial: string; run: (query: string) => void; busy: boolean; box: RefObject<HTMLInputElement | null> }

/** The query as text, with field completion and an account of how it is understood. */
export function QueryBox({ initial, run, busy, box }: QueryBoxProps) {
  const [text, setText] = useState(initial);
  const [caret, setCaret] = useState<number | null>(null);
  const outcome = understood(text);
  const offers = useOffers(text, caret);
  const ids = { list: useId(), help: useId() };
  const take = (field: string) => {
    if (offers.typed === null || caret === null) return;
    const [next, position] = completed(text, caret, offers.typed, field);
    // At once: the next key may come before the next frame, and belongs behind the completion.
    flushSync(() => { setText(next); setCaret(null); });
    box.current?.setSelectionRange(position, position);
  };
  const keys = useOfferKeys(offers.fields, take, () => setCaret(null));
  const onKeyDown = (event: KeyboardEvent) => {
    if (keys.handle(event) || event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    if (outcome.error === null) run(text.trim());
  };
  const isOpen = offers.fields.length > 0;
  return (
    <form className="xdr-query" onSubmit={(event) => { event.preventDefault(); if (outcome.error === null) run(text.trim()); }}>
      <div className="xdr-query-line">
        <div className="xdr-query-box">
          <input
            ref={box} type="text" spellCheck={false} autoComplete="off" value={text}
            role="combobox" aria-label={t('query.label')} aria-autocomplete="list" aria-expanded={isOpen}
            aria-controls={ids.list} aria-describedby={ids.help} aria-invalid={outcome.error !== null}
            aria-activedescendant={isOpen && keys.chosen >= 0 ? `${ids.list}-${keys.chosen}` : undefined}
            placeholder={t('query.placeholder')} onKeyDown={onKeyDown} onBlur={() => setCaret(null)}
            onChange={(event) => { setText(event.target.value); setCaret(event.target.selectionStart); keys.reset(); }}
          />
          <div role="listbox" id={ids.list} aria-label={t('query.fields')} className="xdr-offers" hidden={!isOpen}>
            {offers.fields.map((field, index) => (
              // Keys are the box's: focus stays there and aria-activedescendant points here.
              // eslint-disable-next-line jsx-a11y/click-events-have-key-events
              <div
                key={field} id={`${ids.list}-${index}`} role="option" aria-selected={index === keys.chosen} tabIndex={-1}
                onMouseDown={(event) => event.preventDefault()} onClick={() => take(field)}
              >
                <Inert text={field} />
              </div>
            ))}
          </div>
        </div>
        <Button type="submit" isDisabled={outcome.error !== null} isLoading={busy}>{t('query.run')}</Button>
      </div>
      <p id={ids.help} className={outcome.error ? 'xdr-query-error' : 'xdr-quiet xdr-query-said'} role="status">
        {outcome.error ?? <>{t('query.understood')} <Inert text={outcome.said} /></>}
      </p>
    </form>
  );
}

/** A text understood, or what is wrong with it and where. */
export function understood(text: string): { error: string; said: '' } | { error: null; said: string } {
  try {
    const tree = parseQuery(text);
    return { error: null, said: tree === null ? t('query.everything') : describeTree(tree) };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const near = text.slice(error.position, error.position + 12);
    return { error: t(`query.error.${error.code}`, { position: error.position + 1, near }), said: '' };
  }
}

function useOffers(text: string, caret: number | null) {
  const typed = caret === null ? null : fieldBeingTyped(text, caret);
  const { data } = useQuery({ ...eventFields(typed?.prefix ?? ''), enabled: typed !== null });
  const prefix = typed?.prefix.toLowerCase() ?? '';
  const fields = typed === null ? [] : (data?.items ?? [])
    .map((one) => one.name)
    .filter((name) => name.toLowerCase().startsWith(prefix))
    .slice(0, OFFERED);
  return { typed, fields };
}

function useOfferKeys(fields: readonly string[], take: (field: string) => void, close: () => void) {
  const [index, setIndex] = useState(-1);
  const chosen = Math.min(index, fields.length - 1);
  const handle = (event: KeyboardEvent): boolean => {
    const field = fields[chosen];
    if (fields.length === 0) return false;
    if (event.key === 'ArrowDown') setIndex((chosen + 1) % fields.length);
    else if (event.key === 'ArrowUp') setIndex(chosen <= 0 ? fields.length - 1 : chosen - 1);
    else if (event.key === 'Escape') close();
    else if ((event.key === 'Enter' || event.key === 'Tab') && field !== undefined) take(field);
    else return false;
    event.preventDefault();
    return true;
  };
  return { chosen, handle, reset: () => setIndex(-1) };
}

export function useQueryBox() {
  const box = useRef<HTMLInputElement>(null);
  return { box, focus: () => box.current?.focus() };
}
