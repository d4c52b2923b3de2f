import { Button, Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';

import { answer, api } from '../api/client';
import type { Review } from '../api/governance';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Table, type TableColumn } from '../panels/Table';
import { Moment } from '../panels/Time';
import { useChange } from '../panels/useChange';
import { REVIEWS, reviews } from './queries';
import { undecided } from './reviewing';

/** The reviews of who has access, newest first. */
export function ReviewsPage() {
  const query = useQuery(reviews);
  const navigate = useNavigate();
  const open = useChange(() => answer(api.POST('/api/v1/access-reviews')), [REVIEWS], ({ id }) => void navigate(`/access-reviews/${id}`));
  const hasOpen = query.data?.items.some((one) => one.closed_at === null) ?? true;
  return (
    <Content>
      <Heading title={t('reviews.title')}>
        {!hasOpen && <Button size="sm" isLoading={open.isPending} isDisabled={open.isPending} onClick={() => open.mutate(undefined)}>{t('reviews.open')}</Button>}
      </Heading>
      <p className="xdr-quiet">{t('reviews.about')}</p>
      {open.error && <Failure error={open.error} />}
      <Loaded query={query} lines={4}>
        {({ items }) => items.length === 0
          ? <Nothing title={t('reviews.none')}>{t('reviews.none.advice')}</Nothing>
          : <Table caption={t('reviews.title')} columns={columns()} rows={items} id={(one) => one.id} />}
      </Loaded>
    </Content>
  );
}

function columns(): TableColumn<Review>[] {
  return [
    { heading: t('reviews.opened'), cell: (one) => <><Link to={`/access-reviews/${one.id}`}><Moment at={one.opened_at} /></Link><span className="xdr-findings xdr-quiet"><Inert text={one.opened_by} /></span></> },
    { heading: t('column.state'), cell: (one) => <State review={one} /> },
    { heading: t('reviews.people'), cell: (one) => one.items.length },
    { heading: t('reviews.due'), cell: (one) => <Moment at={one.due_at} /> },
    { heading: t('reviews.closed'), cell: (one) => one.closed_at === null ? '–' : <><Moment at={one.closed_at} /> <span className="xdr-quiet"><Inert text={one.closed_by} /></span></> },
  ];
}

function State({ review }: { review: Review }) {
  if (review.closed_at !== null) return <Label isCompact color="green">{t('reviews.signed')}</Label>;
  return <Label isCompact color="blue">{t('reviews.undecided', { count: undecided(review.items).length })}</Label>;
}
