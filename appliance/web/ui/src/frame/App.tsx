import { Spinner } from '@patternfly/react-core';
import { QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { RouterProvider } from 'react-router/dom';

import { createQueryClient } from '../api/queries';
import { currentLanguage, loadLanguage, preferredLanguage, t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Guard } from '../panels/Guard';
import { SessionContext, useSessionQuery } from '../session/session';
import { router } from './routes';
import { usePreference, useTheme } from './theme';

const client = createQueryClient();

export function App() {
  const language = useLanguage();
  return (
    <Guard>
      <QueryClientProvider client={client}><SignedIn key={language} /></QueryClientProvider>
    </Guard>
  );
}

function SignedIn() {
  useTheme();
  const session = useSessionQuery();
  if (session.data) {
    return <SessionContext value={session.data}><RouterProvider router={router} /></SessionContext>;
  }
  return (
    <main className="xdr-threshold">
      <h1>{t('product')}</h1>
      {session.error
        ? <Failure error={session.error} retry={() => void session.refetch()} busy={session.isFetching} />
        : <Spinner aria-label={t('loading')} />}
    </main>
  );
}

/** The language in use; changes once the new messages are here, and everything is drawn again. */
function useLanguage(): string {
  const [choice] = usePreference('language');
  const [loaded, setLoaded] = useState<string>(currentLanguage());
  useEffect(() => {
    const next = preferredLanguage(choice === '' ? null : choice, navigator.languages);
    let wanted = true;
    loadLanguage(next).then(
      () => {
        document.documentElement.lang = next;
        if (wanted) setLoaded(next);
      },
      // The chunk did not arrive; the console stays in the language it has.
      () => undefined,
    );
    return () => { wanted = false; };
  }, [choice]);
  return loaded;
}
