import { Button } from '@patternfly/react-core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { Link } from 'react-router';

import type { TimelineEntry } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { SeverityLabel, Techniques } from './badges';
import { timeline } from './queries';

const ENTRY_HEIGHT = 72;

export function TimelinePanel({ id }: { id: string }) {
  const query = useInfiniteQuery(timeline(id));
  const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel title={t('timeline.title')}>
      <Loaded query={query} lines={6}>
        {() => entries.length === 0 ? <p className="xdr-quiet">{t('timeline.none')}</p> : (
          <>
            <Entries entries={entries} incomplete={query.hasNextPage} />
            {query.hasNextPage && (
              <Button variant="link" isLoading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('more')}
              </Button>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

/** A list of which only the visible part exists; it scrolls by keyboard. */
function Entries({ entries, incomplete }: { entries: readonly TimelineEntry[]; incomplete: boolean }) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- read while drawing only
  const virtual = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ENTRY_HEIGHT,
    getItemKey: (index) => entries[index]?.id ?? index,
    overscan: 6,
  });
  return (
    // Scrolling content must be reachable by keyboard (WCAG 2.1.1), hence the tabindex.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="xdr-timeline" ref={scroller} tabIndex={0} role="group" aria-label={t('timeline.title')}>
      <div role="list" className="xdr-grid-space" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const entry = entries[item.index];
          return entry && (
            <div
              key={entry.id} role="listitem" ref={virtual.measureElement} data-index={item.index}
              aria-setsize={incomplete ? -1 : entries.length} aria-posinset={item.index + 1}
              className={`xdr-entry xdr-entry-${entry.kind}`} style={{ transform: `translateY(${item.start}px)` }}
            >
              <Entry entry={entry} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Entry({ entry }: { entry: TimelineEntry }) {
  return (
    <>
      <p className="xdr-line">
        <Moment at={entry.at} precise={entry.kind === 'finding'} />
        <span className="xdr-kind">{word('timeline.kind', entry.kind)}</span>
        {entry.level && <SeverityLabel level={entry.level} />}
        {entry.actor && <bdi className="xdr-quiet">{entry.actor.name}</bdi>}
      </p>
      <p className="xdr-entry-title">
        <Inert text={entry.title} />
        {entry.event_id && <> <Link to={`/events/${entry.event_id}`}>{t('timeline.event')}</Link></>}
      </p>
      {entry.detail && <p className="xdr-entry-detail"><Inert text={entry.detail} multiline /></p>}
      {entry.techniques.length > 0 && <Techniques of={entry.techniques} />}
    </>
  );
}
