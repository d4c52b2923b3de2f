import { Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import type { Provider, ProviderKind } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { Content } from '../frame/Content';
import { formatNumber, t, word } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { Nothing } from '../panels/Nothing';
import { Table, type TableColumn } from '../panels/Table';
import { useMay } from '../session/session';
import { SETTINGS } from './config';
import { providers } from './queries';

/** The directories and identity providers that vouch for people. */
export function ProvidersPage() {
  const query = useQuery(providers);
  const mayEdit = useMay('identity_providers:edit');
  return (
    <Content>
      <Heading title={t('idp.title')}>
        {mayEdit && (
          <ul className="xdr-line xdr-bare" aria-label={t('idp.add')}>
            {(Object.keys(SETTINGS) as ProviderKind[]).map((kind) => <li key={kind}><Link to={`/identity-providers/new/${kind}`}>{t('idp.add.of', { kind: word('idp.kind', kind) })}</Link></li>)}
          </ul>
        )}
      </Heading>
      <Loaded query={query} lines={4}>
        {({ items }) => items.length === 0
          ? <Nothing title={t('idp.none')}>{t('idp.none.advice')}</Nothing>
          : <Table caption={t('idp.title')} columns={columns()} rows={items} id={(one) => one.id} />}
      </Loaded>
    </Content>
  );
}

function columns(): TableColumn<Provider>[] {
  return [
    { heading: t('account.name'), cell: (one) => <Link to={`/identity-providers/${one.id}`}><Inert text={one.name} /></Link> },
    { heading: t('column.kind'), cell: (one) => word('idp.kind', one.kind) },
    { heading: t('column.state'), cell: (one) => <EnabledLabel isEnabled={one.enabled} /> },
    { heading: t('idp.people'), cell: (one) => formatNumber(one.people) },
    { heading: t('column.trouble'), cell: (one) => <Warnings of={one} /> },
  ];
}

export function EnabledLabel({ isEnabled }: { isEnabled: boolean }) {
  return <Label isCompact color={isEnabled ? 'green' : 'grey'}>{t(isEnabled ? 'idp.enabled' : 'idp.disabled')}</Label>;
}

export function Warnings({ of: { facts } }: { of: Provider }) {
  if (facts.warnings.length === 0) return <span className="xdr-quiet">{t('sources.no_trouble')}</span>;
  return <ul className="xdr-plain-list xdr-tight">{facts.warnings.map((one) => <li key={one}><Inert text={one} /></li>)}</ul>;
}
