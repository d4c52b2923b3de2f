import { Alert } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';

import type { EntryProof } from '../api/audit';
import { t } from '../language/language';
import { auditKeys } from './queries';
import { canVerify } from './verifier/bytes';
import { proofState, type ProofState } from './verifier/proof';

const LOOKS = { proved: 'success', unsealed: 'info', uncovered: 'info', altered: 'danger', checkpoint_altered: 'danger', insecure: 'warning', no_ed25519: 'warning' } as const;

/** What this browser found out by itself about an entry. */
export function ProofLine({ proved }: { proved: EntryProof }) {
  const keys = useQuery(auditKeys);
  const state = useQuery({
    queryKey: ['audit', 'proof', proved.entry.id, proved.checkpoint?.signature ?? '', keys.dataUpdatedAt],
    queryFn: async (): Promise<ProofState | 'insecure' | 'no_ed25519'> => {
      const able = await canVerify();
      return able === 'yes' ? proofState(proved, keys.data?.items.map((one) => one.public_key) ?? []) : able;
    },
    enabled: keys.data !== undefined, staleTime: Infinity,
  });
  if (state.data === undefined) return null;
  return <Alert variant={LOOKS[state.data]} isInline component="p" title={t(`audit.proof.${state.data}`)} />;
}
