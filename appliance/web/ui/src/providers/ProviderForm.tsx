import { Checkbox, Form, FormGroup, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';

import type { ProviderKind } from '../api/identity';
import { t, word } from '../language/language';
import { Field } from '../panels/Field';
import { FileField } from '../panels/FileField';
import { HAS_SECRET, SETTINGS, type Draft, type Setting } from './config';
import { GroupsField } from './GroupsField';

export interface Written extends Draft { name: string; secret: string; shown: boolean }

interface ProviderFormProps {
  kind: ProviderKind;
  written: Written;
  change: (next: Written) => void;
  /** A secret is kept already; leaving the field empty leaves it. */
  hasSecret: boolean;
  submit: () => void;
  children: ReactNode;
}

/** Everything there is to say of a provider of that kind. */
export function ProviderForm({ kind, written, change, hasSecret, submit, children }: ProviderFormProps) {
  const id = useId();
  const set = (key: string, text: string) => change({ ...written, texts: { ...written.texts, [key]: text } });
  return (
    <Form className="xdr-provider-form" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <Field label={t('account.name')} value={written.name} change={(name) => change({ ...written, name })} help={t('idp.name.help')} required />
      {SETTINGS[kind].map((setting) => <SettingField key={setting.key} setting={setting} text={written.texts[setting.key] ?? ''} set={(text) => set(setting.key, text)} />)}
      {HAS_SECRET[kind] && (
        <Field label={word('idp.secret', kind)} value={written.secret} change={(secret) => change({ ...written, secret })} type="password" autoComplete="new-password" help={t(hasSecret ? 'idp.secret.kept' : 'idp.secret.never_shown')} required={!hasSecret} />
      )}
      <GroupsField groups={written.groups} change={(groups) => change({ ...written, groups })} />
      <Checkbox id={`${id}shown`} label={t('idp.shown')} description={t('idp.shown.about')} isChecked={written.shown} onChange={(_, shown) => change({ ...written, shown })} />
      <div className="xdr-line">{children}</div>
    </Form>
  );
}

function SettingField({ setting: { key, shape, isRequired = false, choices = [], usual, help }, text, set }: { setting: Setting; text: string; set: (text: string) => void }) {
  const id = useId();
  const label = word('idp.setting', key);
  const explained = help ? t(help) : usual ? t('idp.usual', { usual }) : undefined;
  if (shape === 'choice') {
    return (
      <FormGroup label={label} fieldId={id}>
        <FormSelect id={id} value={text} onChange={(_, next) => set(next)}>{choices.map((one) => <FormSelectOption key={one} value={one} label={word('idp.choice', one)} />)}</FormSelect>
      </FormGroup>
    );
  }
  if (shape === 'file') {
    return (
      <>
        <FileField label={t('idp.file', { label })} accept=".xml,.pem,.crt,.json" choose={(file) => { if (file) void file.text().then(set); }} />
        <Field label={label} value={text} change={set} lines={4} required={isRequired} help={explained} />
      </>
    );
  }
  return <Field label={label} value={text} change={set} required={isRequired} help={explained} {...(shape === 'lines' ? { lines: 2 } : shape === 'number' ? { type: 'number' as const } : {})} />;
}
