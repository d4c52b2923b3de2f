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
import { StepUp } from '../session/StepUp';
import logo from './icon.svg';
import { Preferences } from './Preferences';
import { ShortcutSheet } from './ShortcutSheet';
import { StatusFoot } from './StatusFoot';
import { useTheme } from './theme';
import { UserMenu } from './UserMenu';

const MAIN = 'main';
/** PatternFly's own line between a narrow and a wide page. */
const WIDE_PIXELS = 1200;
/** Each with the permissions of which any lets one see it. Proposals concern who may ask or approve. */
const PAGES = [
  { to: '/incidents', label: 'nav.incidents', any: ['incidents:view'] },
  { to: '/events', label: 'nav.events', any: ['events:view'] },
  { to: '/rules', label: 'nav.rules', any: ['rules:view'] },
  { to: '/sources', label: 'nav.sources', any: ['sources:view'] },
  { to: '/proposals', label: 'proposals.title', any: ['incidents:delete', 'privacy:erase'] },
  { to: '/users', label: 'nav.users', any: ['users:view'] },
  { to: '/access-reviews', label: 'reviews.title', any: ['access_reviews:sign'] },
  { to: '/identity-providers', label: 'idp.title', any: ['users:view'] },
  { to: '/audit', label: 'nav.audit', any: ['audit:view'] },
] as const;

/** The frame every page stands in: masthead, navigation, help, messages. */
export function Frame() {
  useTheme();
  const [helping, setHelping] = useState(false);
  const { pathname } = useLocation();
  const side = useSide(pathname);
  useFocusOnArrival(pathname);
  useShortcuts((press) => {
    if (press.key !== '?' || press.modified) return false;
    setHelping(true);
    return true;
  });
  return (
    <ToastProvider>
      <Page
        isContentFilled mainContainerId={MAIN} onPageResize={(_, size: { mobileView: boolean }) => side.resize(size.mobileView)}
        masthead={<Top onHelp={() => setHelping(true)} isOpen={side.isOpen} toggle={side.toggle} />}
        sidebar={<Side path={pathname} isOpen={side.isOpen} />}
        skipToContent={<SkipToContent href={`#${MAIN}`} onClick={skip}>{t('skip')}</SkipToContent>}
      >
        <Guard key={pathname}><Outlet /></Guard>
      </Page>
      <Guard><StepUp /></Guard>
      <ShortcutSheet isOpen={helping} onClose={() => setHelping(false)} />
    </ToastProvider>
  );
}

function Top({ onHelp, isOpen, toggle }: { onHelp: () => void; isOpen: boolean; toggle: () => void }) {
  const { organisation } = useSession();
  return (
    <Masthead display={{ default: 'inline' }}>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton variant="plain" aria-label={t('nav.toggle')} isSidebarOpen={isOpen} onSidebarToggle={toggle} />
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

/** Closed, it has no content: what cannot be seen must not take the focus. */
function Side({ path, isOpen }: { path: string; isOpen: boolean }) {
  const { permissions } = useSession();
  if (!isOpen) return <PageSidebar isSidebarOpen={false} />;
  return (
    <PageSidebar isSidebarOpen>
      <PageSidebarBody isFilled>
        <Nav aria-label={t('nav.label')}>
          <NavList>
            {PAGES.filter(({ any }) => any.some((one) => permissions.includes(one))).map(({ to, label }) => (
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

/** The navigation is open on a wide page, and on a narrow one until a page is chosen. */
function useSide(pathname: string) {
  const [isWide, setWide] = useState(() => window.innerWidth >= WIDE_PIXELS);
  const [closedOn, setClosedOn] = useState<string | null>(null);
  const [openedOn, setOpenedOn] = useState<string | null>(null);
  const isOpen = isWide ? closedOn === null : openedOn === pathname;
  const toggle = () => {
    if (isWide) setClosedOn(closedOn === null ? pathname : null);
    else setOpenedOn(isOpen ? null : pathname);
  };
  return { isOpen, toggle, resize: (isMobile: boolean) => setWide(!isMobile) };
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
