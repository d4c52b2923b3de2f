import { Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import type { Decision, Review, ReviewItem } from '../api/governance';
import { Inert } from '../evidence/Inert';
import { t, word } from '../language/language';
import { Act, actions, Table, type TableColumn } from '../panels/Table';
import { Ago } from '../panels/Time';
import { useSession } from '../session/session';
import { roleTitle } from '../users/grants';
import { roleMatrix } from '../users/queries';

const COLOURS = { keep: 'green', remove: 'red', '': 'grey' } as const;

/** Everybody of a review, with what was decided; `decide` is null once nothing can be decided. */
export function ReviewTable({ review, decide }: { review: Review; decide: ((one: Decision) => void) | null }) {
  const { user } = useSession();
  const roles = useQuery(roleMatrix).data?.roles ?? [];
  const columns: TableColumn<ReviewItem>[] = [
    { heading: t('column.person'), cell: (one) => <><Inert text={one.name} /><span className="xdr-findings xdr-quiet"><Inert text={one.email} /></span></> },
    { heading: t('account.roles'), cell: (one) => one.roles.length === 0 ? t('users.no_role') : one.roles.map((role) => roleTitle(role, roles)).join(', ') },
    { heading: t('column.factors'), cell: (one) => one.factors.length === 0 ? t('users.no_factor') : one.factors.map((factor) => word('factor', factor)).join(', ') },
    { heading: t('column.signed_in'), cell: (one) => <Ago at={one.last_sign_in_at === '' ? null : one.last_sign_in_at} /> },
    { heading: t('review.decision'), cell: (one) => <Decided item={one} /> },
  ];
  if (decide) {
    columns.push(actions((one) => one.user_id === user.id
      ? <span className="xdr-quiet">{t('review.own')}</span>
      : (
        <>
          <Act label={t('review.keep')} name={one.name} isDisabled={one.decision === 'keep'} act={() => decide({ user_id: one.user_id, decision: 'keep', comment: '' })} />
          <Act label={t('review.remove')} name={one.name} isDisabled={one.decision === 'remove'} act={() => decide({ user_id: one.user_id, decision: 'remove', comment: '' })} isDangerous />
        </>
      )));
  }
  return <Table caption={t('review.title')} columns={columns} rows={review.items} id={(one) => one.user_id} />;
}

function Decided({ item }: { item: ReviewItem }) {
  return (
    <>
      <Label isCompact color={COLOURS[item.decision]}>{item.decision === '' ? t('review.open') : word('decision', item.decision)}</Label>
      {item.decided_by !== '' && <span className="xdr-findings xdr-quiet"><Inert text={item.decided_by} /></span>}
    </>
  );
}
