import { describe, expect, it } from 'vitest';

import { pressed, reconciled, type Outcome, type RowsState } from './queue';

const ROWS = ['one', 'two', 'three', 'four'];

function on(active: string | null, ...selected: string[]): RowsState {
  return { active, selected: new Set(selected) };
}

function press(state: RowsState, key: string, shift = false): Outcome {
  const outcome = pressed(state, { key, shift, modified: false }, ROWS);
  if (outcome === null) throw new Error(`${key} meant nothing`);
  return outcome;
}

describe('keys in the queue', () => {
  it('move down and up and stop at the ends', () => {
    expect(press(on(null), 'j').state.active).toBe('one');
    expect(press(on('three'), 'j').state.active).toBe('four');
    expect(press(on('four'), 'j').state.active).toBe('four');
    expect(press(on('one'), 'k').state.active).toBe('one');
    expect(press(on('two'), 'End').state.active).toBe('four');
  });

  it('select and let go of the active row', () => {
    const selected = press(on('two'), 'x').state;

    expect([...selected.selected]).toEqual(['two']);
    expect([...press(selected, 'x').state.selected]).toEqual([]);
  });

  it('extend the selection while moving with shift', () => {
    expect([...press(on('two'), 'J', true).state.selected].sort()).toEqual(['three', 'two']);
  });

  it('select everything, then nothing', () => {
    const all = press(on('one'), '*').state;

    expect(all.selected.size).toBe(4);
    expect(press(all, '*').state.selected.size).toBe(0);
  });

  it('open the active row', () => {
    expect(press(on('two'), 'o').effect).toEqual({ do: 'open', id: 'two' });
    expect(press(on('two'), 'Enter').effect).toEqual({ do: 'open', id: 'two' });
  });

  it('act on the selection where there is one, else on the active row', () => {
    expect(press(on('two'), 'a').effect).toEqual({ do: 'acknowledge', ids: ['two'] });
    expect(press(on('two', 'three'), 'c').effect).toEqual({ do: 'close', ids: ['three'] });
    expect(press(on('two'), 'e').effect).toEqual({ do: 'assign', ids: ['two'] });
  });

  it('lead to the filter and the help', () => {
    expect(press(on(null), '/').effect).toEqual({ do: 'filter' });
    expect(press(on(null), '?').effect).toEqual({ do: 'help' });
  });

  it('leave the browser its own: modified keys, unknown keys, actions on nothing', () => {
    expect(pressed(on('one'), { key: 'a', shift: false, modified: true }, ROWS)).toBeNull();
    expect(pressed(on('one'), { key: 'q', shift: false, modified: false }, ROWS)).toBeNull();
    expect(pressed(on(null), { key: 'a', shift: false, modified: false }, ROWS)).toBeNull();
    expect(pressed(on(null), { key: 'j', shift: false, modified: false }, [])).toBeNull();
    expect(pressed(on('one'), { key: 'toString', shift: false, modified: false }, ROWS)).toBeNull();
  });
});

describe('a list that changed under the keyboard', () => {
  it('keeps place and selection of what is still there', () => {
    const state = on('two', 'two', 'four');

    expect(reconciled(state, ROWS)).toBe(state);
    expect(reconciled(state, ['one', 'four'])).toEqual(on(null, 'four'));
  });
});
