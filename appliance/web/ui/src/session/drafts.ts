import { useState } from 'react';

import { useSession } from './session';

const PREFIX = 'xdr.draft.';

/**
 * Text being written, kept in this tab until it is sent: a lost connection, another's change or
 * an expired session must not cost an analyst his words. The key names the user, and signing out
 * clears it, so that the next person at the desk does not read it.
 */
export function useDraft(about: string): [string, (text: string) => void] {
  const key = `${PREFIX}${useSession().user.id}.${about}`;
  const [text, setText] = useState(() => stored(key));
  const change = (next: string) => {
    setText(next);
    store(key, next);
  };
  return [text, change];
}

export function clearDrafts(): void {
  try {
    Object.keys(sessionStorage)
      .filter((key) => key.startsWith(PREFIX))
      .forEach((key) => sessionStorage.removeItem(key));
  } catch {
    // Storage is forbidden in this browser, so nothing was kept.
  }
}

function stored(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function store(key: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // The draft then lasts as long as the page does.
  }
}
