import { useEffect, useSyncExternalStore } from 'react';

import { preference, type PreferenceName, type PreferenceValue } from '../preferences/preferences';

const DARK = 'pf-v6-theme-dark';
const systemDark = () => window.matchMedia('(prefers-color-scheme: dark)');

export function applyTheme(): void {
  const choice = preference.get('theme');
  const dark = choice === 'dark' || (choice === 'system' && systemDark().matches);
  document.documentElement.classList.toggle(DARK, dark);
  document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
}

/** A preference that redraws whoever reads it. */
export function usePreference<N extends PreferenceName>(
  name: N,
): [PreferenceValue<N>, (value: PreferenceValue<N>) => void] {
  const value = useSyncExternalStore(preference.subscribe, () => preference.get(name));
  return [value, (next) => preference.set(name, next)];
}

/** Keeps the page in the chosen colours, and follows the system when it changes at dusk. */
export function useTheme(): void {
  const [choice] = usePreference('theme');
  useEffect(() => {
    applyTheme();
    const media = systemDark();
    media.addEventListener('change', applyTheme);
    return () => media.removeEventListener('change', applyTheme);
  }, [choice]);
}
