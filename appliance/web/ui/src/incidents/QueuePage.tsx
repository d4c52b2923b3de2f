import { Button } from '@patternfly/react-core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate, useSearchParams } from 'react-router';

import type { CloseReason, Incident } from '../api/schema';
import { Content } from '../frame/Content';
import type { Effect } from '../keyboard/queue';
import { t } from '../language/language';
import { Guard } from '../panels/Guard';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { useToasts } from '../panels/Toasts';
import { Grid } from '../rows/Grid';
import { useRows } from '../rows/useRows';
import { useMay, useSession } from '../session/session';
import { BulkBar, BulkProgress } from './BulkBar';
import { CloseDialog } from './CloseDialog';
import { QUEUE_COLUMNS } from './columns';
import { FilterBar, useFilterBox } from './FilterBar';
import { readFilters, writeFilters, type Filters } from './filters';
import { incidentList, incidentSummary } from './queries';
import { useBulk, type Change } from './useBulk';

/** The triage queue: every open incident, worst first, worked without leaving the keyboard. */
export function QueuePage() {
  const [address, setAddress] = useSearchParams();
  const filters = readFilters(address);
  const change = (next: Filters) => setAddress(writeFilters(next), { replace: true });
  const filterBox = useFilterBox();
  return (
    <Content fills>
      <Heading title={t('incidents.title')}><Summary /></Heading>
      <FilterBar filters={filters} change={change} box={filterBox.box} />
      <Guard><Queue filters={filters} onFilter={filterBox.focus} onReset={() => setAddress({})} /></Guard>
    </Content>
  );
}

function Summary() {
  const summary = useQuery(incidentSummary).data;
  if (!summary) return null;
  return <p className="xdr-quiet">{t('incidents.summary', { open: summary.open, unowned: summary.unowned })}</p>;
}

function Queue({ filters, onFilter, onReset }: { filters: Filters; onFilter: () => void; onReset: () => void }) {
  const list = useInfiniteQuery(incidentList(filters));
  const incidents = list.data?.pages.flatMap((page) => page.items) ?? [];
  const work = useWork(incidents);
  const navigate = useNavigate();
  const open = (id: string) => void navigate(`/incidents/${id}`);
  const rows = useRows(incidents.map((one) => one.id), (effect) => {
    if (effect.do === 'help') return false;
    if (effect.do === 'open') open(effect.id);
    else if (effect.do === 'filter') onFilter();
    else work.act(effect);
    return true;
  });
  const selected = [...rows.selected];
  return (
    <>
      <BulkBar
        selected={selected.length} disabled={!work.allowed || work.running}
        act={(action) => work.act({ do: action, ids: selected })} clear={rows.clear}
      />
      {work.state && <BulkProgress state={work.state} dismiss={work.dismiss} />}
      <Loaded query={list} lines={10}>
        {() => incidents.length === 0 ? <NoIncidents onReset={onReset} /> : (
          <Grid
            label={t('incidents.title')} layout="queue" columns={QUEUE_COLUMNS} rows={incidents}
            active={rows.active} onActive={rows.activate} onOpen={open}
            selection={{ selected: rows.selected, toggle: rows.toggle, name: (one) => t('incidents.select', { number: String(one.number) }) }}
            more={{ has: list.hasNextPage, loading: list.isFetchingNextPage, load: () => void list.fetchNextPage() }}
          />
        )}
      </Loaded>
      {work.closing && (
        <CloseDialog
          count={work.closing.length} onCancel={() => work.setClosing(null)}
          onClose={(reason, note) => { work.close(reason, note); rows.clear(); }}
        />
      )}
    </>
  );
}

function NoIncidents({ onReset }: { onReset: () => void }) {
  return (
    <Nothing title={t('incidents.none')} actions={<Button variant="link" onClick={onReset}>{t('incidents.none.reset')}</Button>}>
      {t('incidents.none.advice')}
    </Nothing>
  );
}

type ActionEffect = Extract<Effect, { ids: string[] }>;

/** Carries out the actions of the queue and says how they ended. */
function useWork(incidents: Incident[]) {
  const bulk = useBulk();
  const toasts = useToasts();
  const { user } = useSession();
  const allowed = useMay('incidents:update');
  const [closing, setClosing] = useState<string[] | null>(null);
  const running = bulk.state?.running ?? false;

  const run = (ids: string[], change: Change) => {
    const wanted = new Set(ids);
    bulk.run(incidents.filter((one) => wanted.has(one.id)), change).then(
      ({ done, failures }) => {
        if (failures.length === 0) toasts.say('success', t(`done.${change.action}`, { count: done }));
      },
      (error: unknown) => toasts.fail(t('bulk.broken'), error),
    );
  };
  const act = ({ do: action, ids }: ActionEffect) => {
    if (!allowed) toasts.say('warning', t('forbidden'));
    else if (running) toasts.say('info', t('bulk.busy'));
    else if (action === 'close') setClosing(ids);
    else run(ids, action === 'assign' ? { action, owner_id: user.id } : { action });
  };
  const close = (reason: CloseReason, note: string) => {
    run(closing ?? [], { action: 'close', reason, note: note === '' ? undefined : note });
    setClosing(null);
  };
  return { ...bulk, allowed, running, closing, setClosing, act, close };
}
