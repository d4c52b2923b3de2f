import { defaultRangeExtractor, useVirtualizer, type Range } from '@tanstack/react-virtual';
import { useEffect, useEffectEvent, useRef, type MouseEvent, type ReactNode } from 'react';

import { t } from '../language/language';

export interface Column<T> {
  key: string;
  heading: string;
  /** Kept in the card that a row becomes on a narrow screen. */
  cell: (row: T) => ReactNode;
}

interface GridProps<T extends { id: string }> {
  label: string;
  /** Names the column template in the style sheet. */
  layout: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  active: string | null;
  onActive: (id: string) => void;
  onOpen: (id: string) => void;
  selection?: { selected: ReadonlySet<string>; toggle: (id: string) => void; name: (row: T) => string };
  more?: { has: boolean; loading: boolean; load: () => void };
}

const ROW_HEIGHT = 44;
const LOAD_AHEAD_ROWS = 20;

/**
 * Thousands of rows as an ARIA grid of which only the visible ones exist. One row can have focus
 * (roving tabindex); it stays in the document when scrolled away, so that focus is never lost.
 */
export function Grid<T extends { id: string }>(props: GridProps<T>) {
  const { rows, columns, active, more, selection } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const activeIndex = active === null ? -1 : rows.findIndex((row) => row.id === active);
  // The virtualiser is read while drawing only; nothing here is memoised over it.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    rangeExtractor: (range: Range) => withActive(defaultRangeExtractor(range), activeIndex),
  });
  const items = virtual.getVirtualItems();
  const lastVisible = Math.max(-1, ...items.filter((item) => item.index !== activeIndex).map((item) => item.index));
  useMoreAhead(more, lastVisible, rows.length);
  useFocusFollows(scroller, activeIndex, (index) => virtual.scrollToIndex(index, { align: 'auto' }));

  return (
    <div
      role="grid" aria-label={props.label} aria-rowcount={more?.has ? -1 : rows.length + 1}
      aria-colcount={columns.length + (selection ? 1 : 0)} className={`xdr-grid xdr-grid-${props.layout}`}
      {...(selection ? { 'aria-multiselectable': true } : {})}
    >
      <div role="rowgroup" className="xdr-grid-head">
        <div role="row" aria-rowindex={1} className="xdr-grid-row">
          {selection && <div role="columnheader" className="xdr-cell-select"><span className="pf-v6-screen-reader">{t('grid.select')}</span></div>}
          {columns.map((column) => (
            <div role="columnheader" key={column.key} className={`xdr-cell-${column.key}`}>{column.heading}</div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="xdr-grid-body" ref={scroller}>
        <div role="presentation" className="xdr-grid-space" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index];
            return row && (
              <Row
                key={row.id} {...props} row={row} index={item.index} start={item.start}
                measure={virtual.measureElement}
                isEntry={item.index === (activeIndex === -1 ? 0 : activeIndex)}
              />
            );
          })}
        </div>
      </div>
      {more?.loading && <div role="presentation" className="xdr-grid-foot"><span role="status">{t('grid.loading')}</span></div>}
    </div>
  );
}

type RowProps<T extends { id: string }> = GridProps<T> & {
  row: T;
  index: number;
  start: number;
  isEntry: boolean;
  measure: (element: HTMLDivElement | null) => void;
};

function Row<T extends { id: string }>({ measure, ...props }: RowProps<T>) {
  const { row, index, columns, selection } = props;
  const isSelected = selection?.selected.has(row.id) ?? false;
  const activate = (event: MouseEvent) => {
    props.onActive(row.id);
    const control = event.target instanceof Element && event.target.closest('a, button, input, label');
    if (!control && event.detail === 2) props.onOpen(row.id);
  };
  return (
    // The grid's keys (Enter, Space, j, k …) are handled once for the page: useShortcuts.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row" ref={measure} data-index={index} aria-rowindex={index + 2}
      tabIndex={props.isEntry ? 0 : -1} className={`xdr-grid-row${row.id === props.active ? ' xdr-active' : ''}`}
      style={{ transform: `translateY(${props.start}px)` }} onClick={activate}
      onFocus={() => props.active !== row.id && props.onActive(row.id)}
      {...(selection ? { 'aria-selected': isSelected } : {})}
    >
      {selection && (
        <div role="gridcell" className="xdr-cell-select">
          <input
            type="checkbox" className="xdr-check" checked={isSelected} tabIndex={-1}
            aria-label={selection.name(row)} onChange={() => selection.toggle(row.id)}
          />
        </div>
      )}
      {columns.map((column) => (
        <div role="gridcell" key={column.key} className={`xdr-cell-${column.key}`}>{column.cell(row)}</div>
      ))}
    </div>
  );
}

function withActive(range: number[], active: number): number[] {
  if (active < 0 || range.includes(active)) return range;
  return [...range, active].sort((left, right) => left - right);
}

function useMoreAhead(more: GridProps<{ id: string }>['more'], lastVisible: number, count: number): void {
  const isNear = more !== undefined && more.has && !more.loading && lastVisible >= count - LOAD_AHEAD_ROWS;
  const load = useEffectEvent(() => more?.load());
  useEffect(() => {
    if (isNear) load();
  }, [isNear, count]);
}

/** Brings the active row into view, and focus with it if the keyboard is not elsewhere. */
function useFocusFollows(
  scroller: { current: HTMLDivElement | null }, active: number, scrollTo: (index: number) => void,
): void {
  const follow = useEffectEvent((index: number) => {
    const body = scroller.current;
    const row = body?.querySelector<HTMLElement>(`[data-index="${index}"]`);
    const focused = document.activeElement;
    if (!body || !row || row.contains(focused)) return;
    scrollTo(index);
    const isElsewhere = focused instanceof HTMLElement && focused.matches('input, textarea, select');
    if (!isElsewhere || body.contains(focused)) row.focus({ preventScroll: true });
  });
  useEffect(() => {
    if (active >= 0) follow(active);
  }, [active]);
}
