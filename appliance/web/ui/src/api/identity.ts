import type { Answers, ById, Empty, Keyset, None, OpenOperation, OpenOrdered, OpenSent, Operation, Ordered, Sent } from './shapes';
import type { Page } from './schema';

/** The part of the contract about people and how they prove who they are. */

/** A role somebody holds: for ever or until a moment; given here or by a directory's group. */
export interface Grant { role: string; expires_at: string | null; origin: string }

export interface User {
  id: string;
  name: string;
  email: string;
  roles: string[];
  grants: Grant[];
  status: string;
  origin: string;
  factors: string[];
  break_glass: boolean;
  last_sign_in_at: string | null;
}

export interface Invitation { user: User; link_token: string; expires_at: string; mailed: boolean }

export interface Passkey { id: string; name: string; created_at: string; last_used_at: string | null }

export interface Factors {
  totp: boolean;
  recovery_codes_left: number;
  passkeys: Passkey[];
  required: boolean;
  has_password: boolean;
}

export interface SessionSummary {
  id: string;
  user_id: string;
  email: string;
  kind: string;
  methods: string[];
  created_at: string;
  last_seen_at: string;
  expires_at: string;
  address: string;
  user_agent: string;
  current: boolean;
}

export interface ApiToken {
  id: string;
  name: string;
  prefix: string;
  permissions: string[];
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
  networks: string[];
  created_by: string;
}

export interface NewToken { name: string; permissions: string[]; days: number; networks: string[] }
export interface IssuedToken { id: string; token: string; prefix: string; expires_at: string }

export interface Role { name: string; title: string; permissions: string[]; built_in: boolean }
export interface RoleMatrix { permissions: string[]; four_eyes: string[]; roles: Role[] }

export interface Policy {
  name: string;
  profile: string;
  profile_title: string;
  mfa_required: boolean;
  sso_enforced: boolean;
  shortest_password: number;
  shortest_password_with_mfa: number;
  idle_minutes: number;
  absolute_hours: number;
  /** Those that can be chosen: names and titles. */
  profiles: Record<string, string>;
}

export interface SigningKey { id: string; state: string }

export interface Proof { code?: string; password?: string; credential?: unknown }

export interface GroupRole { group: string; role: string }
export type ProviderKind = 'ldap' | 'saml' | 'oidc';
/** Its fields depend on `kind`; those that are left out are as the appliance has them. */
export type ProviderConfig = { kind: ProviderKind; group_roles: GroupRole[] } & Record<string, unknown>;

export interface Provider {
  id: string;
  kind: ProviderKind;
  name: string;
  enabled: boolean;
  shown: boolean;
  has_secret: boolean;
  has_scim_token: boolean;
  config: ProviderConfig;
  addresses: Record<string, string>;
  facts: { valid_until: string | null; warnings: string[] };
  people: number;
  created_at: string;
  changed_at: string;
}

export interface NewProvider { name: string; config: ProviderConfig; secret: string; enabled: boolean; shown: boolean }
export type ProviderChange = Partial<NewProvider>;
export type StepState = 'ok' | 'warning' | 'failed' | 'not_run';
export interface TestReport { ok: boolean; steps: { name: string; state: StepState; said: string; next: string }[] }

type Codes = Answers<{ recovery_codes: string[] }>;
type Options = Answers<Record<string, unknown>>;

export interface IdentityPaths {
  '/api/v1/session/provider-logout': { post: OpenOrdered<Answers<{ url: string }>> };
  '/api/v1/session/step-up': { post: OpenSent<Proof, Empty> };
  '/api/v1/session/step-up/options': { post: OpenOrdered<Options> };
  '/api/v1/account/factors': { get: OpenOperation<None, Answers<Factors>> };
  '/api/v1/account/password': { post: OpenSent<{ current: string; new: string }, Empty> };
  '/api/v1/account/totp': { post: OpenOrdered<Answers<{ secret: string; uri: string; qr: string }>>; delete: OpenOrdered<Empty> };
  '/api/v1/account/totp/confirmation': { post: OpenSent<{ code: string }, Codes> };
  '/api/v1/account/recovery-codes': { post: OpenOrdered<Codes> };
  '/api/v1/account/passkeys/options': { post: OpenOrdered<Options> };
  '/api/v1/account/passkeys': { post: OpenSent<{ name: string; credential: unknown }, Answers<Passkey>> };
  '/api/v1/account/passkeys/{id}': { delete: Ordered<ById, Empty> };
  '/api/v1/sessions': { get: OpenOperation<None, Answers<Page<SessionSummary>>> };
  '/api/v1/sessions/{id}': { delete: Ordered<ById, Empty> };
  '/api/v1/sessions/own': { get: OpenOperation<None, Answers<Page<SessionSummary>>>; delete: OpenOrdered<Answers<{ ended: number }>> };
  '/api/v1/sessions/own/{id}': { delete: Ordered<ById, Empty> };
  '/api/v1/tokens': { get: OpenOperation<None, Answers<Page<ApiToken>>>; post: OpenSent<NewToken, Answers<IssuedToken>> };
  '/api/v1/tokens/{id}': { delete: Ordered<ById, Empty> };
  '/api/v1/service-tokens': { get: OpenOperation<None, Answers<Page<ApiToken>>>; post: OpenSent<NewToken, Answers<IssuedToken>> };
  '/api/v1/service-tokens/{id}': { delete: Ordered<ById, Empty> };
  '/api/v1/users': {
    get: OpenOperation<Keyset, Answers<Page<User>>>;
    post: OpenSent<{ email: string; name: string; roles: string[]; break_glass: boolean }, Answers<Invitation>>;
  };
  '/api/v1/users/{id}/link': { post: Ordered<ById, Answers<Invitation>> };
  '/api/v1/users/{id}/suspension': { post: Ordered<ById, Empty>; delete: Ordered<ById, Empty> };
  '/api/v1/users/{id}/roles': { put: Sent<{ roles: { role: string; expires_at: string | null }[] }, ById, Answers<User>> };
  '/api/v1/users/{id}/factors': { delete: Ordered<ById, Empty> };
  '/api/v1/roles': { get: OpenOperation<None, Answers<RoleMatrix>>; post: OpenSent<Omit<Role, 'built_in'>, Answers<Role>> };
  '/api/v1/roles/{id}': { put: Sent<Omit<Role, 'built_in'>, ById, Answers<Role>>; delete: Ordered<ById, Empty> };
  '/api/v1/organisation/policy': {
    get: OpenOperation<None, Answers<Policy>>;
    patch: OpenSent<{ profile?: string; mfa_required?: boolean; sso_enforced?: boolean }, Answers<Policy>>;
  };
  '/api/v1/signing-keys': { get: OpenOperation<None, Answers<Page<SigningKey>>> };
  '/api/v1/signing-keys/rotation': { post: OpenOrdered<Answers<{ active: string }>> };
  '/api/v1/identity-providers': {
    get: OpenOperation<None, Answers<Page<Provider>>>;
    post: OpenSent<NewProvider, Answers<Provider>>;
  };
  '/api/v1/identity-providers/{id}': {
    get: Operation<None, ById, Answers<Provider>>;
    patch: Sent<ProviderChange, ById, Answers<Provider>>;
    delete: Ordered<ById, Empty>;
  };
  '/api/v1/identity-providers/{id}/test': { post: Ordered<ById, Answers<TestReport>> };
  '/api/v1/identity-providers/{id}/scim-token': {
    post: Ordered<ById, Answers<{ token: string; prefix: string }>>;
    delete: Ordered<ById, Empty>;
  };
}
