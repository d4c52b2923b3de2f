import { Modal, ModalBody, ModalHeader, Switch } from '@patternfly/react-core';

import { t, type MessageKey } from '../language/language';
import { usePreference } from './theme';

const SHORTCUTS: readonly (readonly [readonly string[], MessageKey])[] = [
  [['j', '↓'], 'keys.down'],
  [['k', '↑'], 'keys.up'],
  [['g', 'Home'], 'keys.first'],
  [['G', 'End'], 'keys.last'],
  [['x', 'Space'], 'keys.select'],
  [['J', 'K'], 'keys.extend'],
  [['*'], 'keys.all'],
  [['o', 'Enter'], 'keys.open'],
  [['a'], 'keys.acknowledge'],
  [['e'], 'keys.assign'],
  [['c'], 'keys.close'],
  [['/'], 'keys.filter'],
  [['Esc'], 'keys.clear'],
  [['?'], 'keys.help'],
];

/** All keys on one sheet, and the switch that WCAG 2.1.4 asks for. */
export function ShortcutSheet({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const [keys, setKeys] = usePreference('keys');
  return (
    <Modal variant="small" isOpen={isOpen} onClose={onClose} aria-labelledby="shortcuts-title">
      <ModalHeader title={t('keys.title')} labelId="shortcuts-title" />
      <ModalBody>
        <Switch
          label={t('keys.switch')} isChecked={keys === 'on'}
          onChange={(_, on) => setKeys(on ? 'on' : 'off')}
        />
        <dl className="xdr-keys">
          {SHORTCUTS.map(([names, meaning]) => (
            <div key={meaning}>
              <dt>{names.map((name) => <kbd key={name}>{name}</kbd>)}</dt>
              <dd>{t(meaning)}</dd>
            </div>
          ))}
        </dl>
      </ModalBody>
    </Modal>
  );
}
