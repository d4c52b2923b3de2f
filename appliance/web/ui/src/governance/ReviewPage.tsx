import { Breadcrumb, BreadcrumbItem, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';

import { answer, api } from '../api/client';
import type { Decision, Review } from '../api/governance';
import { saveFile } from '../evidence/csv';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { useChange } from '../panels/useChange';
import { useSession } from '../session/session';
import { REVIEWS, reviews } from './queries';
import { keepTheRest, undecided } from './reviewing';
import { ReviewTable } from './ReviewTable';

/** One review: person by person, and at the end a signed document. */
export function ReviewPage() {
  const { id = '' } = useParams();
  const query = useQuery(reviews);
  return (
    <Content>
      <Breadcrumb aria-label={t('breadcrumb')}>
        <BreadcrumbItem render={({ className }) => <Link className={className} to="/access-reviews">{t('reviews.title')}</Link>} />
        <BreadcrumbItem isActive>{t('review.title')}</BreadcrumbItem>
      </Breadcrumb>
      <Heading title={t('review.title')} />
      <Loaded query={query} lines={8}>
        {({ items }) => {
          const found = items.find((one) => one.id === id);
          return found === undefined ? <Nothing title={t('review.unknown')}>{t('failure.advice.missing')}</Nothing> : <Body review={found} />;
        }}
      </Loaded>
    </Content>
  );
}

function Body({ review }: { review: Review }) {
  const { user } = useSession();
  const [closing, setClosing] = useState(false);
  const params = { path: { id: review.id } };
  const decide = useChange((decisions: readonly Decision[]) => answer(api.POST('/api/v1/access-reviews/{id}/decisions', { params, body: { decisions: [...decisions] } })), [REVIEWS]);
  const isOpen = review.closed_at === null;
  const left = undecided(review.items);
  const rest = keepTheRest(review.items, user.id);
  return (
    <>
      <p className="xdr-line">
        <span>{t('reviews.opened')} <Moment at={review.opened_at} /></span> <span>{t('reviews.due')} <Moment at={review.due_at} /></span>
        {isOpen && <span>{t('reviews.undecided', { count: left.length })}</span>}
      </p>
      {decide.error && <Failure error={decide.error} />}
      {isOpen && (
        <p className="xdr-line">
          <Button size="sm" variant="secondary" isDisabled={rest.length === 0 || decide.isPending} onClick={() => decide.mutate(rest)}>{t('review.keep_rest', { count: rest.length })}</Button>
          <Button size="sm" isDisabled={left.length > 0} onClick={() => setClosing(true)}>{t('review.close')}</Button>
        </p>
      )}
      <ReviewTable review={review} decide={isOpen && !decide.isPending ? (one) => decide.mutate([one]) : null} />
      {!isOpen && <Signed review={review} />}
      {closing && (
        <Ask keys={[REVIEWS, ['users']]} close={() => setClosing(false)} question={{
          title: t('review.close'), text: t('review.close.about', { count: review.items.filter((one) => one.decision === 'remove').length }), confirm: t('review.close'), isDangerous: true,
          run: () => answer(api.POST('/api/v1/access-reviews/{id}/closure', { params })),
        }} />
      )}
    </>
  );
}

/** The document that was signed, to the byte, and its signature. */
function Signed({ review }: { review: Review }) {
  return (
    <Panel title={t('review.signed')} actions={<Button size="sm" variant="secondary" onClick={() => saveFile('access-review.json', review.document, 'application/json')}>{t('review.save')}</Button>}>
      <dl className="xdr-facts">
        <div><dt>{t('audit.signature')}</dt><dd className="xdr-mono">{review.signature}</dd></div>
        <div><dt>{t('column.key')}</dt><dd className="xdr-mono">{review.key_id}</dd></div>
      </dl>
    </Panel>
  );
}
