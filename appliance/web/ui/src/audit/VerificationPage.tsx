import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Heading } from '../panels/Heading';
import { useMay } from '../session/session';
import { AuditTabs } from './AuditTabs';
import { ExportPanel } from './ExportPanel';
import { VerifyPanel } from './VerifyPanel';

/** Takes the trail out, and finds out in this browser whether it is what it was. */
export function VerificationPage() {
  const mayExport = useMay('audit:export');
  return (
    <Content>
      <Heading title={t('verify.title')} />
      <AuditTabs />
      <VerifyPanel mayFetch={mayExport} />
      {mayExport && <ExportPanel />}
    </Content>
  );
}
