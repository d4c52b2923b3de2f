import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { t } from '../language/language';
import { Ago } from '../panels/Time';
import { Loaded } from '../panels/Loaded';
import { latestLoad } from './queries';
import { shortVersion } from './version';

/** The rule set now in use, in one line, with the way to its report. */
export function LoadSummary() {
  const query = useQuery(latestLoad);
  return (
    <Loaded query={query} lines={1}>
      {({ counts, version, loaded_at }) => (
        <p className="xdr-line">
          <span>{t('load.active', { count: counts.active })}</span>
          <span>{t('load.inactive', { count: counts.inactive })}</span>
          {counts.disabled !== undefined && <span>{t('load.disabled', { count: counts.disabled })}</span>}
          <span className="xdr-quiet">{t('load.version', { version: shortVersion(version) })} · <Ago at={loaded_at} /></span>
          <Link to="/rules/loads/latest">{t('load.report')}</Link>
        </p>
      )}
    </Loaded>
  );
}
