import { Button } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';

import type { ApiToken, IssuedToken, NewToken } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Once } from '../panels/Once';
import { Panel } from '../panels/Panel';
import { Act, actions, Table, type TableColumn } from '../panels/Table';
import { Ago, Moment } from '../panels/Time';
import { NewTokenDialog } from './NewTokenDialog';

interface TokensPanelProps {
  title: string;
  about: string;
  keys: readonly (readonly string[])[];
  /** Permissions that such a token cannot hold. */
  without?: readonly string[];
  create: (body: NewToken) => Promise<IssuedToken>;
  revoke: (id: string) => Promise<unknown>;
  list: (draw: (tokens: readonly ApiToken[]) => ReactNode) => ReactNode;
}

/** API tokens: a person's own, or those of programs. */
export function TokensPanel({ title, about, keys, without = [], create, revoke, list }: TokensPanelProps) {
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<IssuedToken | null>(null);
  const [revoking, setRevoking] = useState<ApiToken | null>(null);
  return (
    <Panel title={title} actions={<Button size="sm" variant="secondary" onClick={() => setAdding(true)}>{t('tokens.add')}</Button>}>
      <p className="xdr-quiet">{about}</p>
      {list((tokens) => tokens.length === 0
        ? <p className="xdr-quiet">{t('tokens.none')}</p>
        : <Table caption={title} columns={columns(setRevoking)} rows={tokens} id={(one) => one.id} />)}
      {adding && <NewTokenDialog keys={keys} without={without} create={create} close={() => setAdding(false)} done={(token) => { setAdding(false); setMade(token); }} />}
      {made && (
        <Once title={t('tokens.made')} label={t('token.label')} secret={made.token} close={() => setMade(null)}>
          <p>{t('tokens.until')} <Moment at={made.expires_at} /></p>
        </Once>
      )}
      {revoking && (
        <Ask keys={keys} close={() => setRevoking(null)} question={{
          title: t('tokens.revoke'), text: t('tokens.revoke.about', { name: revoking.name }), confirm: t('tokens.revoke'), isDangerous: true,
          run: () => revoke(revoking.id),
        }} />
      )}
    </Panel>
  );
}

function columns(revoke: (one: ApiToken) => void): TableColumn<ApiToken>[] {
  return [
    { heading: t('account.name'), cell: (one) => <><Inert text={one.name} /><code className="xdr-findings xdr-quiet">{one.prefix}…</code></> },
    { heading: t('column.permissions'), cell: (one) => <span className="xdr-mono">{one.permissions.join(', ')}</span> },
    { heading: t('column.networks'), cell: (one) => one.networks.length === 0 ? t('tokens.anywhere') : <Inert text={one.networks.join(', ')} /> },
    { heading: t('column.by'), cell: (one) => <Inert text={one.created_by} /> },
    { heading: t('column.expires'), cell: (one) => <Moment at={one.expires_at} /> },
    { heading: t('column.used'), cell: (one) => <Ago at={one.last_used_at} /> },
    actions((one) => <Act label={t('tokens.revoke')} name={one.name} act={() => revoke(one)} isDangerous />),
  ];
}
