import type { ReactNode } from 'react';

import { t } from '../language/language';

/** A page's title in the window and at its top. */
export function Heading({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <>
      <title>{`${title} – ${t('product')}`}</title>
      <div className="xdr-heading">
        <h1>{title}</h1>
        {children}
      </div>
    </>
  );
}
