import { EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter } from '@patternfly/react-core';
import type { ComponentType, ReactNode } from 'react';

interface NothingProps { title: string; icon?: ComponentType; children?: ReactNode; actions?: ReactNode }

/** There is nothing to show, and why, and what would change that. */
export function Nothing({ title, icon, children, actions }: NothingProps) {
  return (
    <EmptyState variant="sm" titleText={title} headingLevel="h2" {...(icon ? { icon } : {})}>
      {children && <EmptyStateBody>{children}</EmptyStateBody>}
      {actions && <EmptyStateFooter><EmptyStateActions>{actions}</EmptyStateActions></EmptyStateFooter>}
    </EmptyState>
  );
}
