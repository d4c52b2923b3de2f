import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import { t, word } from '../language/language';
import { Ask } from '../panels/Ask';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Table } from '../panels/Table';
import { SIGNING_KEYS, signingKeys } from './queries';

/** The keys that access tokens of programs are signed with. */
export function SigningKeysPanel() {
  const query = useQuery(signingKeys);
  const [rotating, setRotating] = useState(false);
  return (
    <Panel title={t('signing.title')} actions={<Button size="sm" variant="secondary" onClick={() => setRotating(true)}>{t('signing.rotate')}</Button>}>
      <p className="xdr-quiet">{t('signing.about')}</p>
      <Loaded query={query} lines={2}>
        {({ items }) => items.length === 0
          ? <p className="xdr-quiet">{t('signing.none')}</p>
          : (
            <Table
              caption={t('signing.title')} rows={items} id={(one) => one.id}
              columns={[
                { heading: t('column.key'), cell: (one) => <code className="xdr-wrap">{one.id}</code> },
                { heading: t('column.state'), cell: (one) => word('key.state', one.state) },
              ]}
            />
          )}
      </Loaded>
      {rotating && (
        <Ask keys={[SIGNING_KEYS]} close={() => setRotating(false)} question={{
          title: t('signing.rotate'), text: t('signing.rotate.about'), confirm: t('signing.rotate'),
          run: () => answer(api.POST('/api/v1/signing-keys/rotation')),
        }} />
      )}
    </Panel>
  );
}
