import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { useState } from 'react';
import { useNavigate } from 'react-router';

import { answer, api } from '../api/client';
import { t, word } from '../language/language';
import { useToasts } from '../panels/Toasts';
import { clearDrafts } from '../session/drafts';
import { useSession } from '../session/session';

export function UserMenu() {
  const [open, setOpen] = useState(false);
  const { user, roles } = useSession();
  const toasts = useToasts();
  const navigate = useNavigate();
  const signOut = async () => {
    try {
      // Who came by a provider that can be told is led there, to be signed out there too.
      const { url } = await answer(api.POST('/api/v1/session/provider-logout'));
      clearDrafts();
      window.location.assign(url === '' ? '/sign-in' : url);
    } catch (error) {
      toasts.fail(t('user.sign_out.failed'), error);
    }
  };
  return (
    <Dropdown
      isOpen={open} onOpenChange={setOpen} popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="plainText" isExpanded={open} onClick={() => setOpen(!open)} className="xdr-user">
          <bdi>{user.name}</bdi>
        </MenuToggle>
      )}
    >
      <DropdownList>
        <DropdownItem isDisabled description={roles.map((role) => word('role', role)).join(', ')}>{user.email}</DropdownItem>
        <DropdownItem onClick={() => { setOpen(false); void navigate('/account'); }}>{t('account.title')}</DropdownItem>
        <DropdownItem onClick={() => void signOut()}>{t('user.sign_out')}</DropdownItem>
      </DropdownList>
    </Dropdown>
  );
}
