import type { GroupRole, ProviderConfig, ProviderKind } from '../api/identity';
import type { MessageKey } from '../language/language';

/** How a setting is written: a line, several of them, a whole file, one of a few, or a number. */
export type Shape = 'line' | 'lines' | 'file' | 'choice' | 'number';

export interface Setting {
  key: string;
  shape: Shape;
  isRequired?: boolean;
  choices?: readonly string[];
  /** What the appliance takes when it is left empty. */
  usual?: string;
  help?: MessageKey;
}

const GROUPING: readonly Setting[] = [
  { key: 'required_contexts', shape: 'lines', help: 'idp.help.required_contexts' },
  { key: 'mfa_contexts', shape: 'lines', help: 'idp.help.mfa_contexts' },
];

/** The settings of each kind, in the order of the form (docs/single-sign-on.md). */
export const SETTINGS: Record<ProviderKind, readonly Setting[]> = {
  ldap: [
    { key: 'flavour', shape: 'choice', choices: ['active_directory', 'openldap'] },
    { key: 'servers', shape: 'lines', isRequired: true, help: 'idp.help.servers' },
    { key: 'ca_certificates', shape: 'file', isRequired: true, help: 'idp.help.ca_certificates' },
    { key: 'bind_dn', shape: 'line', isRequired: true, help: 'idp.help.bind_dn' },
    { key: 'base_dn', shape: 'line', isRequired: true },
    { key: 'group_base_dn', shape: 'line', help: 'idp.help.group_base_dn' },
    { key: 'login_attributes', shape: 'lines', help: 'idp.help.login_attributes' },
    { key: 'timeout_seconds', shape: 'number', usual: '5' },
  ],
  saml: [
    { key: 'metadata', shape: 'file', isRequired: true, help: 'idp.help.metadata' },
    { key: 'entity_id', shape: 'line', help: 'idp.help.entity_id' },
    { key: 'email_attribute', shape: 'line', usual: 'mail' },
    { key: 'name_attribute', shape: 'line', usual: 'displayName' },
    { key: 'groups_attribute', shape: 'line', usual: 'groups' },
    ...GROUPING,
  ],
  oidc: [
    { key: 'issuer', shape: 'line', isRequired: true, help: 'idp.help.issuer' },
    { key: 'client_id', shape: 'line', isRequired: true },
    { key: 'authorization_endpoint', shape: 'line', isRequired: true },
    { key: 'token_endpoint', shape: 'line', isRequired: true },
    { key: 'jwks_uri', shape: 'line' },
    { key: 'jwks', shape: 'file', help: 'idp.help.jwks' },
    { key: 'ca_certificates', shape: 'file', help: 'idp.help.ca_certificates' },
    { key: 'algorithms', shape: 'lines', usual: 'RS256' },
    { key: 'scopes', shape: 'lines', usual: 'openid email profile' },
    { key: 'email_claim', shape: 'line', usual: 'email' },
    { key: 'name_claim', shape: 'line', usual: 'name' },
    { key: 'groups_claim', shape: 'line', usual: 'groups' },
    ...GROUPING,
  ],
};

/** Which kinds have a secret: the service account's password, or the client's. */
export const HAS_SECRET: Record<ProviderKind, boolean> = { ldap: true, saml: false, oidc: true };

/** What the form holds: every setting as text, and the groups with their roles. */
export interface Draft { texts: Readonly<Record<string, string>>; groups: readonly GroupRole[] }

export function draftOf(kind: ProviderKind, config: ProviderConfig | null): Draft {
  const texts = SETTINGS[kind].map(({ key, choices }) => [key, textOf(config?.[key]) || (choices?.[0] ?? '')]);
  return { texts: Object.fromEntries(texts) as Record<string, string>, groups: config?.group_roles ?? [] };
}

/** What to send. A setting that is left empty is left out, and the appliance takes the usual. */
export function configOf(kind: ProviderKind, { texts, groups }: Draft): ProviderConfig {
  const given = SETTINGS[kind].flatMap(({ key, shape }) => {
    const text = texts[key] ?? '';
    return text.trim() === '' ? [] : [[key, valueOf(shape, text)]];
  });
  return { ...(Object.fromEntries(given) as Record<string, unknown>), kind, group_roles: groups.filter((one) => one.group.trim() !== '') };
}

export function isComplete(kind: ProviderKind, { texts, groups }: Draft): boolean {
  return SETTINGS[kind].every(({ key, isRequired }) => !isRequired || (texts[key] ?? '').trim() !== '')
    && groups.every((one) => one.group.trim() === '' || one.role !== '');
}

function valueOf(shape: Shape, text: string): unknown {
  if (shape === 'number') return Number(text);
  if (shape === 'lines') return text.split(/[\n\s]+/).filter((one) => one !== '');
  return shape === 'file' ? text : text.trim();
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.join('\n');
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
