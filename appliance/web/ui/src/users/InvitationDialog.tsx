import type { Invitation } from '../api/identity';
import { t } from '../language/language';
import { Once } from '../panels/Once';
import { Moment } from '../panels/Time';

/** The link by which somebody sets a password; handed over by other means unless a mail is on its way. */
export function InvitationDialog({ invitation, close }: { invitation: Invitation; close: () => void }) {
  const link = `${window.location.origin}/welcome/${invitation.link_token}`;
  return (
    <Once title={t('invitation.title', { name: invitation.user.name })} label={t('invitation.link')} secret={link} close={close}>
      <p>{t(invitation.mailed ? 'invitation.mailed' : 'invitation.not_mailed')}</p>
      <p>{t('tokens.until')} <Moment at={invitation.expires_at} /></p>
    </Once>
  );
}
