import { PageSection } from '@patternfly/react-core';
import type { ReactNode } from 'react';

/** A page's body. `fills` lets its grid take what height is left instead of growing. */
export function Content({ fills = false, children }: { fills?: boolean; children: ReactNode }) {
  return (
    <PageSection isFilled className={fills ? 'xdr-page xdr-page-fills' : 'xdr-page'} hasBodyWrapper={false}>
      {children}
    </PageSection>
  );
}
