/**
 * A test factory: serves the built console with the real content security policy, over invented
 * answers shaped by the API contract. For work on the console without an appliance; never shipped.
 *
 *   node tests/e2e/console/factory.mjs [port]
 *
 * FACTORY_FAILS=/api/v1/rules makes every address beginning so answer 503.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

import * as made from './fixtures.mjs';

const DIST = join(import.meta.dirname, '../../../appliance/web/ui/_dist');
const PORT = Number(process.argv[2] ?? 8099);
const FAILS = process.env.FACTORY_FAILS ?? null;
const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
  "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'", "manifest-src 'self'",
  "require-trusted-types-for 'script'",
].join('; ');
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2', '.json': 'application/json', '.txt': 'text/plain; charset=utf-8',
};

const state = made.createState();

const routes = [
  ['GET', /^session$/, () => made.session],
  ['POST', /^session\/provider-logout$/, () => ({ url: '' })],
  ['GET', /^status$/, () => made.status()],
  ['GET', /^users$/, () => page(made.users)],
  ['GET', /^incidents\/summary$/, () => summary()],
  ['GET', /^incidents$/, (_, query) => keyset(filtered(query), query)],
  ['POST', /^incidents\/bulk$/, (_, __, body) => bulk(body)],
  ['GET', /^incidents\/([\w-]+)$/, ([id]) => made.detail(incident(id))],
  ['PATCH', /^incidents\/([\w-]+)$/, ([id], _, body, request) => patch(id, body, request)],
  ['POST', /^incidents\/([\w-]+)\/acknowledgement$/, ([id]) => changed(id, { status: 'acknowledged', owner: made.me })],
  ['POST', /^incidents\/([\w-]+)\/transition$/, ([id], _, body) => changed(id, { status: body.to })],
  ['GET', /^incidents\/([\w-]+)\/timeline$/, ([id], query) => keyset(made.timeline(incident(id), state), query)],
  ['GET', /^incidents\/([\w-]+)\/findings$/, ([id]) => page(made.findings(incident(id)))],
  ['GET', /^incidents\/([\w-]+)\/notes$/, ([id]) => page(state.notes.get(id) ?? [])],
  ['POST', /^incidents\/([\w-]+)\/notes$/, ([id], _, body) => added(state.notes, id, { text: body.text })],
  ['GET', /^incidents\/([\w-]+)\/evidence$/, ([id]) => page(state.evidence.get(id) ?? [])],
  ['POST', /^incidents\/([\w-]+)\/evidence$/, ([id], _, body) => added(state.evidence, id, body)],
  ['POST', /^events\/search$/, (_, __, body) => search(body)],
  ['POST', /^events\/histogram$/, (_, __, body) => made.histogram(body)],
  ['GET', /^events\/fields$/, (_, query) => ({ items: made.fields.filter((one) => one.name.toLowerCase().startsWith((query.get('prefix') ?? '').toLowerCase())) })],
  ['GET', /^events\/([\w-]+)$/, ([id]) => made.eventDetail(id)],
  ['GET', /^rules$/, (_, query) => keyset(made.rules.filter((one) => (!query.get('state') || one.state === query.get('state')) && (!query.get('level') || one.level === query.get('level')) && one.title.toLowerCase().includes((query.get('q') ?? '').toLowerCase())), query)],
  ['GET', /^rules\/loads\/latest$/, () => made.load],
  ['POST', /^rules\/imports$/, () => made.load],
  ['POST', /^rules\/test$/, (_, __, body) => ({ matched: 'Image' in body.event, clauses: [], problems: [] })],
  ['GET', /^rules\/([\w-]+)$/, ([id]) => made.ruleDetail(id)],
  ['PATCH', /^rules\/([\w-]+)$/, ([id], _, body) => made.enableRule(id, body.enabled)],
  ['GET', /^sources$/, () => page(state.sources)],
  ['POST', /^sources$/, (_, __, body) => made.addSource(state, body)],
  ['POST', /^sources\/([\w-]+)\/tokens$/, () => ({ token: 'xdrs_factory_not_a_secret_0123456789', prefix: 'xdrs_fac' })],
  ['GET', /^quarantine$/, (_, query) => page(made.quarantine.filter((one) => !query.get('source') || one.source.id === query.get('source')))],
  ['POST', /^quarantine\/([\w-]+)\/replay$/, ([id]) => id.endsWith('1') ? { replayed: true } : refuse(422, 'still_malformed', 'Still malformed', 'The event is not valid JSON at byte 17.')],
];

class Refusal extends Error {
  constructor(body) {
    super(body.title);
    this.body = body;
  }
}

function refuse(status, code, title, detail) {
  throw new Refusal({ type: 'about:blank', status, code, title, detail });
}

function page(items) {
  return { items, next_cursor: null };
}

function keyset(items, query) {
  const start = Number(query.get('cursor') ?? 0);
  const limit = Math.min(Number(query.get('limit') ?? 50), 200);
  const next = start + limit < items.length ? String(start + limit) : null;
  return { items: items.slice(start, start + limit), next_cursor: next };
}

function incident(id) {
  return state.incidents.find((one) => one.id === id) ?? refuse(404, 'incident_not_found', 'No such incident', `There is no incident ${id}.`);
}

function filtered(query) {
  const statuses = query.getAll('status');
  const severities = query.getAll('severity');
  const q = (query.get('q') ?? '').toLowerCase();
  const owner = query.get('owner');
  return state.incidents.filter((one) =>
    (statuses.length === 0 || statuses.includes(one.status))
    && (severities.length === 0 || severities.includes(one.severity))
    && (owner === null || (owner === 'none' ? one.owner === null : one.owner?.id === (owner === 'me' ? made.me.id : owner)))
    && one.title.toLowerCase().includes(q)
    && (query.get('tag') === null || one.tags.includes(query.get('tag'))));
}

function summary() {
  const count = (key) => Object.fromEntries(Map.groupBy(state.incidents, (one) => one[key]).entries().map(([name, all]) => [name, all.length]));
  const open = state.incidents.filter((one) => one.status !== 'closed');
  return { by_status: count('status'), by_severity: count('severity'), open: open.length, unowned: open.filter((one) => one.owner === null).length };
}

function changed(id, change) {
  Object.assign(incident(id), change, { version: incident(id).version + 1, updated_at: new Date().toISOString() });
  return made.detail(incident(id));
}

function patch(id, body, request) {
  if (request.headers['if-match'] !== `"${incident(id).version}"`) refuse(412, 'changed_meanwhile', 'The incident was changed meanwhile', '');
  const { owner_id, ...rest } = body;
  const owner = owner_id === undefined ? {} : { owner: [...made.users, made.me].find((one) => one.id === owner_id) ?? null };
  return changed(id, { ...rest, ...owner });
}

function bulk({ ids, action, owner_id }) {
  const failed = ids.filter((id) => incident(id).number % 13 === 0).map((id) => ({ id, code: 'conflict', detail: 'Somebody closed it meanwhile.' }));
  const refused = new Set(failed.map((one) => one.id));
  const done = ids.filter((id) => !refused.has(id));
  const change = { acknowledge: { status: 'acknowledged' }, close: { status: 'closed' }, assign: { owner: owner_id === made.me.id ? made.me : null } }[action];
  done.forEach((id) => changed(id, change));
  return { done, failed };
}

function added(store, id, fields) {
  const entry = { id: crypto.randomUUID(), by: made.me, at: new Date().toISOString(), ...fields };
  store.set(id, [...(store.get(id) ?? []), entry]);
  return entry;
}

function search({ from, to, limit, cursor }) {
  const found = keyset(made.events(from, to), new URLSearchParams({ limit, ...(cursor ? { cursor } : {}) }));
  return { ...found, searched: { from, to, segments: 12, complete: true, stopped: null } };
}

async function answer(request, response, url) {
  const path = url.pathname.slice('/api/v1/'.length);
  if (FAILS !== null && url.pathname.startsWith(FAILS)) {
    return send(response, 503, { type: 'about:blank', status: 503, code: 'database_unavailable', title: 'The database does not answer', detail: 'No connection within 2 s.' }, 'application/problem+json');
  }
  const [, pattern, handler] = routes.find(([method, one]) => method === request.method && one.test(path)) ?? [];
  if (!pattern) return send(response, 404, { status: 404, code: 'not_found', title: 'Not found', detail: '' }, 'application/problem+json');
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== made.session.csrf_token) return send(response, 403, { status: 403, code: 'csrf', title: 'CSRF token missing', detail: '' }, 'application/problem+json');
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const isJSON = (request.headers['content-type'] ?? '').includes('json') && chunks.length > 0;
  try {
    const result = await handler(pattern.exec(path).slice(1), url.searchParams, isJSON ? JSON.parse(Buffer.concat(chunks).toString()) : null, request);
    if (result === null) return response.writeHead(204).end();
    const version = /^incidents\/[\w-]{36}$/.test(path) ? `"${result.version}"` : `"${createHash('sha256').update(JSON.stringify(result)).digest('hex').slice(0, 16)}"`;
    if (request.method === 'GET' && request.headers['if-none-match'] === version) return response.writeHead(304, { ETag: version }).end();
    return send(response, 200, result, 'application/json', version);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return send(response, error.body.status, error.body, 'application/problem+json');
  }
}

function send(response, status, body, type, etag) {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...(etag ? { ETag: etag } : {}) });
  response.end(JSON.stringify(body));
}

async function file(response, url) {
  const wanted = normalize(url.pathname).replace(/^\/+/, '');
  const isAsset = wanted.startsWith('assets/');
  const name = isAsset ? wanted : 'index.html';
  try {
    const content = await readFile(join(DIST, name));
    response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' });
    response.end(content);
  } catch {
    response.writeHead(404).end();
  }
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://factory');
  const work = url.pathname.startsWith('/api/v1/') ? answer(request, response, url) : file(response, url);
  work.catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(PORT, '127.0.0.1', () => console.log(`factory on http://127.0.0.1:${PORT}`));
