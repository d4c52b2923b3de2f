import { Breadcrumb, BreadcrumbItem } from '@patternfly/react-core';
import { Link } from 'react-router';

import { Inert } from '../evidence/Inert';
import { t } from '../language/language';

export function Trail({ here }: { here: string }) {
  return (
    <Breadcrumb aria-label={t('breadcrumb')}>
      <BreadcrumbItem render={({ className }) => <Link className={className} to="/identity-providers">{t('idp.title')}</Link>} />
      <BreadcrumbItem isActive><Inert text={here} /></BreadcrumbItem>
    </Breadcrumb>
  );
}
