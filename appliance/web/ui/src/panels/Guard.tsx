import { Alert, Button } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';

import { t } from '../language/language';

interface State { error: Error | null }

/** Keeps a fault of one panel from blanking the page: the others stay usable. */
export class Guard extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Alert
        variant="danger" isInline component="h2" title={t('failure.panel')}
        actionLinks={
          <Button variant="secondary" size="sm" onClick={() => this.setState({ error: null })}>
            {t('failure.redraw')}
          </Button>
        }
      >
        <p>{t('failure.panel.advice')}</p>
        <p className="xdr-quiet">{this.state.error.message}</p>
      </Alert>
    );
  }
}
