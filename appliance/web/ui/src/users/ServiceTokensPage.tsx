import { useQuery } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { TokensPanel } from '../tokens/TokensPanel';
import { PeopleTabs } from './PeopleTabs';
import { roleMatrix, SERVICE_TOKENS, serviceTokens } from './queries';

/** Tokens that belong to a program and outlive whoever made them. */
export function ServiceTokensPage() {
  const query = useQuery(serviceTokens);
  const matrix = useQuery(roleMatrix);
  return (
    <Content>
      <Heading title={t('services.title')} />
      <PeopleTabs />
      <TokensPanel
        title={t('services.title')} about={t('services.about')} keys={[SERVICE_TOKENS]} without={matrix.data?.four_eyes ?? []}
        create={(body) => answer(api.POST('/api/v1/service-tokens', { body }))}
        revoke={(id) => answer(api.DELETE('/api/v1/service-tokens/{id}', { params: { path: { id } } }))}
        list={(draw) => <Loaded query={query} lines={3}>{({ items }) => draw(items)}</Loaded>}
      />
    </Content>
  );
}
