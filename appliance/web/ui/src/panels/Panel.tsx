import { Card, CardBody, CardHeader, CardTitle } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';

import { Guard } from './Guard';

interface PanelProps {
  title: ReactNode;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A titled part of a page that may fail on its own. */
export function Panel({ title, actions, className, children }: PanelProps) {
  const heading = useId();
  return (
    <Card isCompact component="section" aria-labelledby={heading} className={`xdr-panel ${className ?? ''}`}>
      <CardHeader {...(actions ? { actions: { actions, hasNoOffset: true } } : {})}>
        <CardTitle component="h2" id={heading}>{title}</CardTitle>
      </CardHeader>
      <CardBody><Guard>{children}</Guard></CardBody>
    </Card>
  );
}
