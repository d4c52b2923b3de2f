import { useEffect, useEffectEvent } from 'react';

import { preference } from '../preferences/preferences';
import type { Press } from './queue';

const WRITING = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]';
const OWN_KEYS = 'button, a[href], input, [role=button], [role=option], [role=menuitem]';

/**
 * Calls `handle` for keys that are meant for the page: not while somebody writes, not under an
 * open dialog, not what a focused button or link needs itself. `handle` says whether it used it.
 *
 * WCAG 2.1.4: single-character keys work everywhere only while the user leaves them switched on;
 * keys that scroll a page (arrows, Home, Page Down) only inside `within`.
 */
export function useShortcuts(handle: (press: Press) => boolean, within?: string): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.defaultPrevented || target === null || isTaken(target, event.key, within)) return;
    const press = {
      key: event.key,
      shift: event.shiftKey,
      modified: event.ctrlKey || event.metaKey || event.altKey,
    };
    if (handle(press)) event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => onKey(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}

function isTaken(target: Element, key: string, within: string | undefined): boolean {
  if (target.closest(WRITING) || document.querySelector('[aria-modal=true]')) return true;
  const inside = within !== undefined && target.closest(within) !== null;
  const printable = key.length === 1 && key !== ' ';
  if (printable) return !inside && preference.get('keys') === 'off';
  if ((key === 'Enter' || key === ' ') && target.closest(OWN_KEYS)) return true;
  return !inside && key !== 'Escape';
}
