/** Choices of this browser's user. They are preferences only: nothing here grants anything. */
const DEFAULTS = { theme: 'system', zone: 'local', keys: 'on', language: '' } as const;
const ALLOWED = {
  theme: ['system', 'light', 'dark'],
  zone: ['local', 'utc'],
  keys: ['on', 'off'],
  language: ['', 'en', 'de'],
} as const;

export type PreferenceName = keyof typeof DEFAULTS;
export type PreferenceValue<N extends PreferenceName> = (typeof ALLOWED)[N][number];

const listeners = new Set<() => void>();

function read<N extends PreferenceName>(name: N): PreferenceValue<N> {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(`xdr.${name}`);
  } catch {
    // A browser may forbid storage altogether; then every page starts from the defaults.
  }
  const allowed: readonly string[] = ALLOWED[name];
  return (stored !== null && allowed.includes(stored) ? stored : DEFAULTS[name]) as PreferenceValue<N>;
}

function write<N extends PreferenceName>(name: N, value: PreferenceValue<N>): void {
  try {
    localStorage.setItem(`xdr.${name}`, value);
  } catch {
    // See read(): the choice then lasts as long as the page.
  }
  listeners.forEach((listener) => listener());
}

export const preference = {
  get: read,
  set: write,
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
