import {
  Button, Masthead, MastheadBrand, MastheadContent, MastheadMain, MastheadToggle, Nav, NavItem,
  NavList, Page, PageSidebar, PageSidebarBody, PageToggleButton, SkipToContent,
} from '@patternfly/react-core';
import { useEffect, useRef, useState } from 'react';
import { Link, Outlet, useLocation } from 'react-router';

import { t } from '../language/language';
import { useShortcuts } from '../keyboard/shortcuts';
import { Guard } from '../panels/Guard';
import { ToastProvider } from '../panels/Toasts';
import { useSession } from '../session/session';
import logo from './icon.svg';
import { Preferences } from './Preferences';
import { ShortcutSheet } from './ShortcutSheet';
import { StatusFoot } from './StatusFoot';
import { useTheme } from './theme';
import { UserMenu } from './UserMenu';

const MAIN = 'main';
const PAGES = [
  { to: '/incidents', label: 'nav.incidents' },
  { to: '/events', label: 'nav.events' },
  { to: '/rules', label: 'nav.rules' },
  { to: '/sources', label: 'nav.sources' },
] as const;

/** The frame every page stands in: masthead, navigation, help, messages. */
export function Frame() {
  useTheme();
  const [helping, setHelping] = useState(false);
  const { pathname } = useLocation();
  useFocusOnArrival(pathname);
  useShortcuts((press) => {
    if (press.key !== '?' || press.modified) return false;
    setHelping(true);
    return true;
  });
  return (
    <ToastProvider>
      <Page
        isManagedSidebar isContentFilled mainContainerId={MAIN} masthead={<Top onHelp={() => setHelping(true)} />}
        sidebar={<Side path={pathname} />}
        skipToContent={<SkipToContent href={`#${MAIN}`} onClick={skip}>{t('skip')}</SkipToContent>}
      >
        <Guard key={pathname}><Outlet /></Guard>
      </Page>
      <ShortcutSheet isOpen={helping} onClose={() => setHelping(false)} />
    </ToastProvider>
  );
}

function Top({ onHelp }: { onHelp: () => void }) {
  const { organisation } = useSession();
  return (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton variant="plain" aria-label={t('nav.toggle')} />
        </MastheadToggle>
        <MastheadBrand>
          <Link to="/incidents" className="xdr-brand">
            <img src={logo} alt="" width="28" height="28" />
            <span>{t('product')}</span>
          </Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <span className="xdr-organisation"><span className="pf-v6-screen-reader">{t('organisation')}: </span><bdi>{organisation.name}</bdi></span>
        <Button variant="plain" aria-label={t('help.open')} onClick={onHelp} className="xdr-help" icon={<kbd>?</kbd>} />
        <Preferences />
        <UserMenu />
      </MastheadContent>
    </Masthead>
  );
}

function Side({ path }: { path: string }) {
  return (
    <PageSidebar>
      <PageSidebarBody isFilled>
        <Nav aria-label={t('nav.label')}>
          <NavList>
            {PAGES.map(({ to, label }) => (
              <NavItem key={to} itemId={to} isActive={path === to || path.startsWith(`${to}/`)}>
                <Link to={to}>{t(label)}</Link>
              </NavItem>
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
      <PageSidebarBody usePageInsets isFilled={false}><Guard><StatusFoot /></Guard></PageSidebarBody>
    </PageSidebar>
  );
}

function skip(event: React.MouseEvent): void {
  event.preventDefault();
  document.getElementById(MAIN)?.focus();
}

/** After a change of page the keyboard and the screen reader start at the new page's top. */
function useFocusOnArrival(pathname: string): void {
  const previous = useRef(pathname);
  useEffect(() => {
    if (previous.current === pathname) return;
    previous.current = pathname;
    document.getElementById(MAIN)?.focus();
  }, [pathname]);
}
