import { Label } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { LIVE_MS } from '../api/queries';
import type { Status } from '../api/schema';
import { shortVersion } from '../rules/version';
import { formatNumber, t, word } from '../language/language';

const COLOURS = { ok: 'green', degraded: 'orange', down: 'red', not_configured: 'grey' } as const;
type State = keyof typeof COLOURS;

/** Whether the appliance itself is well, at the foot of every page. */
export function StatusFoot() {
  const status = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => answer(api.GET('/api/v1/status', { signal })),
    refetchInterval: LIVE_MS,
  });
  if (status.error) return <p className="xdr-foot"><Label color="red" isCompact>{t('status.unknown')}</Label></p>;
  if (!status.data) return null;
  const { pipeline, components, node, version } = status.data;
  const troubled = components.filter((one) => one.state === 'down' || one.state === 'degraded');
  const state = worst(components);
  return (
    <section className="xdr-foot" aria-label={t('status.label')}>
      <Label color={COLOURS[state]} isCompact>{word('status', state)}</Label>
      {troubled.map((one) => <p key={one.name}><strong>{one.name}</strong>: {one.detail ?? word('status', one.state)}</p>)}
      <p>{t('status.rate', { rate: formatNumber(pipeline.rate_per_second) })}</p>
      <p>{t('status.rules', { count: pipeline.rules_active, version: shortVersion(pipeline.rule_set_version) })}</p>
      {pipeline.events_matched < pipeline.events_stored && (
        <p>{t('status.behind', { count: pipeline.events_stored - pipeline.events_matched })}</p>
      )}
      <p className="xdr-quiet">{node} · {version}</p>
    </section>
  );
}

function worst(components: Status['components']): State {
  const states = new Set(components.map((one) => one.state));
  if (states.has('down')) return 'down';
  return states.has('degraded') ? 'degraded' : 'ok';
}
