/**
 * What a key means in a list of rows, as a pure function: the state after it, and the effect the
 * page must carry out. The page's only part is to call this and to do what it says.
 */
export interface RowsState {
  /** Id of the row the keyboard is on; null before the first move. */
  active: string | null;
  selected: ReadonlySet<string>;
}

export type Effect =
  | { do: 'open'; id: string }
  | { do: 'acknowledge' | 'close' | 'assign'; ids: string[] }
  | { do: 'filter' }
  | { do: 'help' };

export interface Press { key: string; shift: boolean; modified: boolean }
export interface Outcome { state: RowsState; effect: Effect | null }

const PAGE_ROWS = 10;
const ACTIONS = { a: 'acknowledge', c: 'close', e: 'assign' } as const;

/** Null where the key means nothing here, so that the browser keeps it. */
export function pressed(state: RowsState, press: Press, rows: readonly string[]): Outcome | null {
  if (press.modified) return null;
  const target = destination(state, press.key, rows);
  if (target !== null) return moved(state, target, press.shift, rows);
  switch (press.key) {
    case 'x':
    case ' ':
      return state.active === null ? null : kept(toggled(state, state.active));
    case '*':
      return kept({ ...state, selected: new Set(state.selected.size === rows.length ? [] : rows) });
    case 'Escape':
      return state.selected.size === 0 ? null : kept({ ...state, selected: new Set() });
    case 'Enter':
    case 'o':
      return state.active === null ? null : { state, effect: { do: 'open', id: state.active } };
    case '/':
      return { state, effect: { do: 'filter' } };
    case '?':
      return { state, effect: { do: 'help' } };
    default:
      return action(state, press.key);
  }
}

/** The selection and the active row after the list changed: what is gone is let go. */
export function reconciled(state: RowsState, rows: readonly string[]): RowsState {
  const present = new Set(rows);
  const selected = new Set([...state.selected].filter((id) => present.has(id)));
  const active = state.active !== null && present.has(state.active) ? state.active : null;
  const same = active === state.active && selected.size === state.selected.size;
  return same ? state : { active, selected };
}

export function toggled(state: RowsState, id: string): RowsState {
  const selected = new Set(state.selected);
  if (!selected.delete(id)) selected.add(id);
  return { ...state, selected };
}

function kept(state: RowsState): Outcome {
  return { state, effect: null };
}

function action(state: RowsState, key: string): Outcome | null {
  if (!Object.hasOwn(ACTIONS, key)) return null;
  const ids = state.selected.size > 0 ? [...state.selected] : [state.active].filter((id) => id !== null);
  return ids.length === 0 ? null : { state, effect: { do: ACTIONS[key as keyof typeof ACTIONS], ids } };
}

function moved(state: RowsState, target: number, extend: boolean, rows: readonly string[]): Outcome {
  const active = rows[target] ?? null;
  if (!extend || active === null) return kept({ ...state, active });
  const selected = new Set(state.selected).add(active);
  if (state.active !== null) selected.add(state.active);
  return kept({ active, selected });
}

function destination(state: RowsState, key: string, rows: readonly string[]): number | null {
  if (rows.length === 0) return null;
  const here = state.active === null ? -1 : rows.indexOf(state.active);
  const last = rows.length - 1;
  switch (key) {
    case 'j': case 'J': case 'ArrowDown': return Math.min(here + 1, last);
    case 'k': case 'K': case 'ArrowUp': return Math.max(here - 1, 0);
    case 'PageDown': return Math.min(Math.max(here, 0) + PAGE_ROWS, last);
    case 'PageUp': return Math.max(here - PAGE_ROWS, 0);
    case 'Home': case 'g': return 0;
    case 'End': case 'G': return last;
    default: return null;
  }
}
