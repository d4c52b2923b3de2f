import { useQuery } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { t } from '../language/language';
import { Loaded } from '../panels/Loaded';
import { TokensPanel } from '../tokens/TokensPanel';
import { OWN_TOKENS, ownTokens } from './queries';

/** What acts in one's own name, with a part of what one may do. */
export function OwnTokensPanel() {
  const query = useQuery(ownTokens);
  return (
    <TokensPanel
      title={t('tokens.own')} about={t('tokens.own.about')} keys={[OWN_TOKENS]}
      create={(body) => answer(api.POST('/api/v1/tokens', { body }))}
      revoke={(id) => answer(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } }))}
      list={(draw) => <Loaded query={query} lines={2}>{({ items }) => draw(items)}</Loaded>}
    />
  );
}
