import { createBrowserRouter, isRouteErrorResponse, redirect, useRouteError } from 'react-router';

import { Problem } from '../api/problem';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Heading } from '../panels/Heading';
import { Nothing } from '../panels/Nothing';
import { Content } from './Content';
import { Frame } from './Frame';

/** Each page is its own chunk, fetched when it is first opened. */
export const router = createBrowserRouter([
  {
    Component: Frame,
    ErrorBoundary: Broken,
    HydrateFallback: () => null,
    children: [
      { index: true, loader: () => redirect('/incidents') },
      { path: 'incidents', lazy: async () => ({ Component: (await import('../incidents/QueuePage')).QueuePage }) },
      { path: 'incidents/:id', lazy: async () => ({ Component: (await import('../incidents/IncidentPage')).IncidentPage }) },
      { path: 'events', lazy: async () => ({ Component: (await import('../events/SearchPage')).SearchPage }) },
      { path: 'events/:id', lazy: async () => ({ Component: (await import('../events/EventPage')).EventPage }) },
      { path: 'rules', lazy: async () => ({ Component: (await import('../rules/RulesPage')).RulesPage }) },
      { path: 'rules/loads/latest', lazy: async () => ({ Component: (await import('../rules/LoadPage')).LoadPage }) },
      { path: 'rules/:id', lazy: async () => ({ Component: (await import('../rules/RulePage')).RulePage }) },
      { path: 'sources', lazy: async () => ({ Component: (await import('../sources/SourcesPage')).SourcesPage }) },
      { path: 'sources/quarantine', lazy: async () => ({ Component: (await import('../sources/QuarantinePage')).QuarantinePage }) },
      { path: 'account', lazy: async () => ({ Component: (await import('../account/AccountPage')).AccountPage }) },
      { path: 'users', lazy: async () => ({ Component: (await import('../users/UsersPage')).UsersPage }) },
      { path: 'users/roles', lazy: async () => ({ Component: (await import('../users/RolesPage')).RolesPage }) },
      { path: 'users/sessions', lazy: async () => ({ Component: (await import('../users/SessionsPage')).SessionsPage }) },
      { path: 'users/service-tokens', lazy: async () => ({ Component: (await import('../users/ServiceTokensPage')).ServiceTokensPage }) },
      { path: 'users/policy', lazy: async () => ({ Component: (await import('../users/PolicyPage')).PolicyPage }) },
      { path: 'audit', lazy: async () => ({ Component: (await import('../audit/AuditPage')).AuditPage }) },
      { path: 'audit/verification', lazy: async () => ({ Component: (await import('../audit/VerificationPage')).VerificationPage }) },
      { path: 'audit/checkpoints', lazy: async () => ({ Component: (await import('../audit/CheckpointsPage')).CheckpointsPage }) },
      { path: 'audit/:id', lazy: async () => ({ Component: (await import('../audit/EntryPage')).EntryPage }) },
      { path: 'proposals', lazy: async () => ({ Component: (await import('../governance/ProposalsPage')).ProposalsPage }) },
      { path: 'access-reviews', lazy: async () => ({ Component: (await import('../governance/ReviewsPage')).ReviewsPage }) },
      { path: 'access-reviews/:id', lazy: async () => ({ Component: (await import('../governance/ReviewPage')).ReviewPage }) },
      { path: 'identity-providers', lazy: async () => ({ Component: (await import('../providers/ProvidersPage')).ProvidersPage }) },
      { path: 'identity-providers/new/:kind', lazy: async () => ({ Component: (await import('../providers/NewProviderPage')).NewProviderPage }) },
      { path: 'identity-providers/:id', lazy: async () => ({ Component: (await import('../providers/ProviderPage')).ProviderPage }) },
      { path: '*', Component: Unknown },
    ],
  },
]);

function Unknown() {
  return (
    <Content>
      <Heading title={t('unknown.title')} />
      <Nothing title={t('unknown.title')}>{t('unknown.advice')}</Nothing>
    </Content>
  );
}

/** A page whose code did not arrive, most often because the appliance was updated meanwhile. */
function Broken() {
  const error = useRouteError();
  const problem = isRouteErrorResponse(error) ? new Problem(error.status, 'route', error.statusText, '') : error;
  return (
    <main className="xdr-threshold">
      <h1>{t('failure.page')}</h1>
      <Failure error={problem} retry={() => window.location.reload()} />
    </main>
  );
}
