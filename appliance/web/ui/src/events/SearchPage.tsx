import { Alert, Button } from '@patternfly/react-core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

import type { QueryTree, SearchResult } from '../api/schema';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Guard } from '../panels/Guard';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Grid } from '../rows/Grid';
import { useRows } from '../rows/useRows';
import { eventColumns } from './columns';
import { ExportButton } from './ExportButton';
import { FieldsPanel } from './FieldsPanel';
import { HistogramChart } from './HistogramChart';
import { eventHistogram, eventSearch } from './queries';
import { parseQuery, QueryError } from './query';
import { QueryBox, useQueryBox } from './QueryBox';
import { readRange, windowOf, writeRange, type TimeRange, type Window } from './range';
import { RangePicker } from './RangePicker';

/** Search over stored events by field, time and text. */
export function SearchPage() {
  const [address, setAddress] = useSearchParams();
  const query = address.get('q') ?? '';
  const range = readRange(address);
  const [ran, runAgain] = useRun(`${query}\n${JSON.stringify(range)}`);
  const window = windowOf(range, ran);
  const queryBox = useQueryBox();
  const where = treeOf(query);
  const columns = address.getAll('column');

  const go = (change: (next: URLSearchParams) => void) => {
    const next = new URLSearchParams(address);
    change(next);
    if (next.toString() === address.toString()) runAgain();
    else setAddress(next);
  };
  const search = (text: string) => go((next) => { if (text === '') next.delete('q'); else next.set('q', text); });
  const setRange = (value: TimeRange) => setAddress(writeRange(address, value));
  const setColumns = (names: readonly string[]) => {
    const next = new URLSearchParams(address);
    next.delete('column');
    names.forEach((name) => next.append('column', name));
    setAddress(next, { replace: true });
  };
  return (
    <Content fills>
      <Heading title={t('events.title')}><RangePicker range={range} window={window} change={setRange} /></Heading>
      <QueryBox key={query} initial={query} run={search} busy={false} box={queryBox.box} />
      <Guard>
        {where === undefined
          ? <Alert variant="warning" isInline component="h2" title={t('query.broken')} />
          : <Results where={where} window={window} ran={ran} columns={columns} setColumns={setColumns} zoom={setRange} onFilter={queryBox.focus} />}
      </Guard>
    </Content>
  );
}

/**
 * The moment a search was run: its further pages must look at the same span of time. Another
 * search, or the same one asked for again, is another moment.
 */
function useRun(search: string): [number, () => void] {
  const [run, setRun] = useState(() => ({ search, at: Date.now() }));
  if (run.search !== search) setRun({ search, at: clock() });
  return [run.at, () => setRun({ search, at: clock() })];
}

function clock(): number {
  return Date.now();
}

/** The tree of a query that came with the address; undefined if that one is broken. */
function treeOf(query: string): QueryTree | null | undefined {
  try {
    return parseQuery(query);
  } catch (error) {
    if (error instanceof QueryError) return undefined;
    throw error;
  }
}

interface ResultsProps {
  where: QueryTree | null;
  window: Window;
  ran: number;
  columns: readonly string[];
  setColumns: (names: readonly string[]) => void;
  zoom: (window: Window) => void;
  onFilter: () => void;
}

function Results({ where, window, ran, columns, setColumns, zoom, onFilter }: ResultsProps) {
  const list = useInfiniteQuery(eventSearch(where, window, ran));
  const histogram = useQuery(eventHistogram(where, window, ran));
  const navigate = useNavigate();
  const events = list.data?.pages.flatMap((page) => page.items) ?? [];
  const open = (id: string) => void navigate(`/events/${id}`);
  const rows = useRows(events.map((one) => one.id), (effect) => {
    if (effect.do === 'open') open(effect.id);
    else if (effect.do === 'filter') onFilter();
    else return false;
    return true;
  });
  return (
    <>
      <Loaded query={histogram} lines={3}>{(data) => <HistogramChart histogram={data} window={window} zoom={zoom} />}</Loaded>
      <div className="xdr-line xdr-tools">
        <FieldsPanel events={events} columns={columns} setColumns={setColumns} />
        <ExportButton where={where} window={window} disabled={events.length === 0} />
        <Searched pages={list.data?.pages ?? []} shown={events.length} />
      </div>
      <Loaded query={list} lines={10}>
        {() => events.length === 0 ? <NoEvents zoomOut={() => zoom({ from: '2000-01-01T00:00:00.000Z', to: window.to })} /> : (
          <Grid
            label={t('events.title')} layout={columns.length > 0 ? 'events-wide' : 'events'} columns={eventColumns(columns)} rows={events}
            active={rows.active} onActive={rows.activate} onOpen={open}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          />
        )}
      </Loaded>
    </>
  );
}

/** How much was looked at, and if that was not everything, why. */
function Searched({ pages, shown }: { pages: readonly SearchResult[]; shown: number }) {
  const last = pages.at(-1);
  if (!last) return null;
  return (
    <span className="xdr-quiet" role="status">
      {t('events.shown', { count: shown })}
      {last.searched.stopped === 'budget' && ` · ${t('events.budget')}`}
    </span>
  );
}

function NoEvents({ zoomOut }: { zoomOut: () => void }) {
  return (
    <Nothing title={t('events.none')} actions={<Button variant="link" onClick={zoomOut}>{t('events.none.all')}</Button>}>
      {t('events.none.advice')}
    </Nothing>
  );
}
