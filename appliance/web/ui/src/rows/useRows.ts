import { useState } from 'react';

import { useShortcuts } from '../keyboard/shortcuts';
import { pressed, reconciled, toggled, type Effect, type RowsState } from '../keyboard/queue';

interface Rows extends RowsState {
  activate: (id: string) => void;
  toggle: (id: string) => void;
  clear: () => void;
}

const NOTHING: RowsState = { active: null, selected: new Set() };

/** Keyboard and selection over a list of ids; `carryOut` says whether the page knows the effect. */
export function useRows(ids: readonly string[], carryOut: (effect: Effect) => boolean): Rows {
  const [remembered, setState] = useState(NOTHING);
  const state = reconciled(remembered, ids);
  useShortcuts((press) => {
    const outcome = pressed(state, press, ids);
    if (outcome === null) return false;
    setState(outcome.state);
    return outcome.effect === null || carryOut(outcome.effect);
  }, '.xdr-grid');
  return {
    ...state,
    activate: (id) => setState({ ...state, active: id }),
    toggle: (id) => setState({ ...toggled(state, id), active: id }),
    clear: () => setState({ ...state, selected: new Set() }),
  };
}
