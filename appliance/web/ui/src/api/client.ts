import createClient, { type Middleware } from 'openapi-fetch';

import { conditionalFetch } from './conditional';
import { Problem, problemFrom } from './problem';
import type { paths } from './schema';
import { provingFetch } from './stepUp';

let csrfToken = '';
let leaving = false;

/** Remembers the token that every request which changes something must carry. */
export function rememberToken(token: string): void {
  csrfToken = token;
}

/** Goes to the sign-in page, which works without this bundle, and comes back here afterwards. */
export function goToSignIn(): void {
  if (leaving) return;
  leaving = true;
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/sign-in?next=${encodeURIComponent(here)}`);
}

const rules: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept', 'application/json');
    if (request.method !== 'GET') request.headers.set('X-CSRF-Token', csrfToken);
    return request;
  },
  onResponse({ response }) {
    if (response.status === 401) goToSignIn();
    return response;
  },
};

const transport = provingFetch((request) => fetch(request));

export const api = createClient<paths>({
  baseUrl: typeof window === 'undefined' ? 'http://localhost' : window.location.origin,
  credentials: 'same-origin',
  fetch: conditionalFetch(transport),
});
api.use(rules);

interface Outcome<T> { data?: T; error?: unknown; response: Response }

/** The answer's body, or a Problem thrown. */
export async function answer<T>(pending: Promise<Outcome<T>>): Promise<T> {
  return (await answerWithTag(pending)).body;
}

/** The answer's body with its ETag, for a later change that must not overwrite another's. */
export async function answerWithTag<T>(
  pending: Promise<Outcome<T>>,
): Promise<{ body: T; etag: string | null }> {
  const { data, error, response } = await pending;
  if (!response.ok) throw problemFrom(response.status, error);
  return { body: data as T, etag: response.headers.get('ETag') };
}

/** The answer as bytes, however long; for what is a file and no JSON. */
export async function download(path: string, order: unknown): Promise<Blob> {
  const response = await post(path, JSON.stringify(order), { 'Content-Type': 'application/json' });
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => null));
  return response.blob();
}

async function post(path: string, body: BodyInit, headers: Record<string, string>): Promise<Response> {
  const response = await transport(new Request(new URL(path, window.location.origin), {
    method: 'POST', body, credentials: 'same-origin',
    headers: { Accept: 'application/json', 'X-CSRF-Token': csrfToken, ...headers },
  }));
  if (response.status === 401) goToSignIn();
  return response;
}

/** Sends a file as it is; for the few requests whose body is not JSON. */
export async function upload<T>(path: string, file: File, type: string): Promise<T> {
  const response = await post(path, file, {
    'Content-Type': type,
    // Header values are Latin-1; a file's name may be anything.
    'X-Rules-Origin': file.name.replace(/[^\x20-\x7e]/g, '?').slice(0, 200),
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw problemFrom(response.status, body);
  if (body === null) throw new Problem(response.status, 'not_json', '', '');
  return body as T;
}
