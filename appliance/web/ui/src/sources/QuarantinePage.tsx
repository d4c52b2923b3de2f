import { Breadcrumb, BreadcrumbItem, Button, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';

import { answer, api } from '../api/client';
import type { Quarantined } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { t, word } from '../language/language';
import { formatBytes } from '../language/time';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Moment } from '../panels/Time';
import { useToasts } from '../panels/Toasts';
import { useMay } from '../session/session';
import { QUARANTINE, quarantined, sourceList } from './queries';

/** What could not be read, with the reason, kept until somebody replays it. */
export function QuarantinePage() {
  const [address, setAddress] = useSearchParams();
  const source = address.get('source') ?? '';
  const query = useInfiniteQuery(quarantined(source));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/sources">{t('sources.title')}</Link>} />
        <BreadcrumbItem isActive>{t('quarantine.title')}</BreadcrumbItem>
      </Breadcrumb>
      <Heading title={t('quarantine.title')}>
        <SourceFilter value={source} change={(id) => setAddress(id === '' ? {} : { source: id }, { replace: true })} />
      </Heading>
      <Loaded query={query} lines={6}>
        {() => items.length === 0 ? <Nothing title={t('quarantine.none')}>{t('quarantine.none.advice')}</Nothing> : (
          <>
            <ul className="xdr-plain-list">{items.map((one) => <li key={one.id}><Item item={one} /></li>)}</ul>
            {query.hasNextPage && <Button variant="link" isLoading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t('more')}</Button>}
          </>
        )}
      </Loaded>
    </Content>
  );
}

function SourceFilter({ value, change }: { value: string; change: (id: string) => void }) {
  const sources = useQuery(sourceList).data?.items ?? [];
  return (
    <FormSelect className="xdr-fit" aria-label={t('column.source')} value={value} onChange={(_, id) => change(id)}>
      <FormSelectOption value="" label={t('quarantine.any')} />
      {sources.map((one) => <FormSelectOption key={one.id} value={one.id} label={one.name} />)}
      {value !== '' && !sources.some((one) => one.id === value) && <FormSelectOption value={value} label={value} />}
    </FormSelect>
  );
}

function Item({ item }: { item: Quarantined }) {
  const client = useQueryClient();
  const toasts = useToasts();
  const may = useMay('quarantine:replay');
  const replay = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/quarantine/{id}/replay', { params: { path: { id: item.id } }, body: {} })),
    onSuccess: () => {
      toasts.say('success', t('quarantine.replayed'));
      return client.invalidateQueries({ queryKey: QUARANTINE });
    },
    onError: (error) => toasts.fail(t('quarantine.failed'), error),
  });
  return (
    <article className="xdr-finding">
      <p className="xdr-line">
        <strong><Inert text={word('quarantine.reason', item.reason)} /></strong>
        {item.source && <Inert text={item.source.name} />}
        <span className="xdr-quiet"><Moment at={item.received_at} /> · {formatBytes(item.size_bytes)}</span>
        {item.replayed_at && <span className="xdr-quiet">{t('quarantine.replayed_at')} <Moment at={item.replayed_at} /></span>}
        {may && (
          <Button size="sm" variant="secondary" isLoading={replay.isPending} isDisabled={replay.isPending} onClick={() => replay.mutate()} aria-label={t('quarantine.replay.of', { reason: word('quarantine.reason', item.reason) })}>
            {t('quarantine.replay')}
          </Button>
        )}
      </p>
      {/* Scrolling content must be reachable by keyboard (WCAG 2.1.1). */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="xdr-original xdr-preview" tabIndex={0} role="group" aria-label={t('quarantine.preview')}><Inert text={item.preview} multiline /></pre>
    </article>
  );
}
