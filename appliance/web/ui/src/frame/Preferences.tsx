import { Dropdown, DropdownGroup, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import { AdjustIcon } from '@patternfly/react-icons/dist/esm/icons/adjust-icon';
import { useState } from 'react';

import { LANGUAGES, t, type Language } from '../language/language';
import { usePreference } from './theme';

const THEMES = ['system', 'light', 'dark'] as const;
const ZONES = ['local', 'utc'] as const;

/** Colours, time zone and language: this browser's choices, kept here only. */
export function Preferences() {
  const [open, setOpen] = useState(false);
  const [theme, setTheme] = usePreference('theme');
  const [zone, setZone] = usePreference('zone');
  const [language, setLanguage] = usePreference('language');
  return (
    <Dropdown
      isOpen={open} onOpenChange={setOpen} popperProps={{ position: 'right', appendTo: 'inline' }}
      toggle={(ref) => (
        <MenuToggle
          ref={ref} variant="plain" isExpanded={open} onClick={() => setOpen(!open)}
          aria-label={t('preferences')} icon={<AdjustIcon />}
        />
      )}
    >
      <Choices label={t('preferences.theme')}>
        {THEMES.map((one) => (
          <DropdownItem key={one} isSelected={theme === one} onClick={() => setTheme(one)}>{t(`preferences.theme.${one}`)}</DropdownItem>
        ))}
      </Choices>
      <Choices label={t('preferences.zone')}>
        {ZONES.map((one) => (
          <DropdownItem key={one} isSelected={zone === one} onClick={() => setZone(one)}>{t(`preferences.zone.${one}`)}</DropdownItem>
        ))}
      </Choices>
      <Choices label={t('preferences.language')}>
        {(Object.keys(LANGUAGES) as Language[]).map((one) => (
          <DropdownItem key={one} isSelected={language === one} onClick={() => setLanguage(one)} lang={one}>{LANGUAGES[one]}</DropdownItem>
        ))}
      </Choices>
    </Dropdown>
  );
}

function Choices({ label, children }: { label: string; children: React.ReactNode }) {
  return <DropdownGroup label={label} labelHeadingLevel="h2"><DropdownList>{children}</DropdownList></DropdownGroup>;
}
