import { answer, api } from '../api/client';
import type { Invitation, User } from '../api/identity';
import { inertText } from '../evidence/inert';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { SESSIONS, USERS } from './queries';

export type UserChange = 'link' | 'suspend' | 'reactivate' | 'factors';

interface UserQuestionProps { what: UserChange; user: User; invited: (made: Invitation) => void; close: () => void }

/** Asks before something is done to somebody's account, and says what it means for them. */
export function UserQuestion({ what, user, invited, close }: UserQuestionProps) {
  const name = inertText(user.name);
  const params = { path: { id: user.id } };
  const questions = {
    link: {
      title: t('users.link'), text: t('users.link.about', { name }), confirm: t('users.link.confirm'),
      run: async () => invited(await answer(api.POST('/api/v1/users/{id}/link', { params }))),
    },
    suspend: {
      title: t('users.suspend'), text: t('users.suspend.about', { name }), confirm: t('users.suspend'), isDangerous: true,
      run: () => answer(api.POST('/api/v1/users/{id}/suspension', { params })),
    },
    reactivate: {
      title: t('users.reactivate'), text: t('users.reactivate.about', { name }), confirm: t('users.reactivate'),
      run: () => answer(api.DELETE('/api/v1/users/{id}/suspension', { params })),
    },
    factors: {
      title: t('users.reset'), text: t('users.reset.about', { name }), confirm: t('users.reset'), isDangerous: true,
      run: () => answer(api.DELETE('/api/v1/users/{id}/factors', { params })),
    },
  };
  return <Ask question={questions[what]} keys={[USERS, SESSIONS]} close={close} />;
}
