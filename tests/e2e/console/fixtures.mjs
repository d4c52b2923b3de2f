/** Invented data for the factory: enough of everything, and hostile on purpose. Nothing here is real. */
const NOW = Date.now();
const minutesAgo = (minutes) => new Date(NOW - minutes * 60_000).toISOString();
const uuid = (family, number) => `${family}-0000-7000-8000-${String(number).padStart(12, '0')}`;
const pick = (list, number) => list[number % list.length];

const BIDI = '\u202e';
const LEVELS = ['critical', 'high', 'medium', 'low', 'informational'];
const STATUSES = ['new', 'new', 'new', 'acknowledged', 'in_progress', 'contained', 'closed'];
const TECHNIQUES = [
  { id: 'T1059.001', name: 'PowerShell' }, { id: 'T1003.001', name: 'LSASS Memory' }, { id: 'T1110.001', name: 'Password Guessing' },
  { id: 'T1021.002', name: 'SMB/Windows Admin Shares' }, { id: 'T1105', name: 'Ingress Tool Transfer' }, { id: 'T1053.005', name: 'Scheduled Task' },
];
const TITLES = [
  'Credentials read from LSASS memory on WORKSTATION5', 'Encoded PowerShell started by an Office document', 'Password guessing against sshd from 203.0.113.77',
  'Lateral movement by service creation over SMB', 'Download and run by certutil', 'New scheduled task started from a temporary folder',
  `Suspicious file invoice${BIDI}fdp.exe run by WINWORD.EXE`, 'Web shell probing of /wp-login.php <script>alert(1)</script>',
];

export const me = { id: uuid('00000001', 1), name: 'Ada Admin' };
export const users = [
  { ...me, email: 'ada@example.test', roles: ['security_admin'], status: 'active' },
  { id: uuid('00000001', 2), name: 'Grace Responder', email: 'grace@example.test', roles: ['incident_responder'], status: 'active' },
  { id: uuid('00000001', 3), name: 'Lin Analyst', email: 'lin@example.test', roles: ['soc_analyst'], status: 'active' },
];
export const session = {
  user: { ...me, email: 'ada@example.test' }, organisation: { id: uuid('00000002', 1), name: 'Factory & Sons GmbH' }, roles: ['security_admin'],
  permissions: [
    'incidents:view', 'incidents:update', 'incidents:assign', 'incidents:close', 'events:view', 'events:export', 'events:pin', 'rules:view',
    'rules:test', 'rules:edit', 'sources:view', 'sources:edit', 'quarantine:view', 'quarantine:replay',
  ],
  csrf_token: 'factory-token', expires_at: minutesAgo(-480),
};

export function status() {
  return {
    version: '0.1.0', node: 'factory',
    components: [{ name: 'database', state: 'ok', detail: null }, { name: 'cache', state: 'not_configured', detail: null }],
    pipeline: { events_stored: 1_204_332, events_matched: 1_204_332, rule_set_version: 12, rules_active: 3412, spool_bytes: 0, rate_per_second: 1234.5 },
  };
}

function entities(number) {
  return [
    { kind: 'host', value: `WORKSTATION${number % 40}.theshire.local`, role: 'target', weak: false },
    { kind: 'user', value: 'THESHIRE\\pgustavo', role: 'actor', weak: false },
    { kind: 'address', value: number % 3 ? `203.0.113.${number % 250}` : '2001:db8::7', role: 'source', weak: false },
    { kind: 'process', value: 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', role: null, weak: true },
  ];
}

function makeIncident(number) {
  return {
    id: uuid('00000003', number), number, title: pick(TITLES, number), status: pick(STATUSES, number), severity: pick(LEVELS, Math.floor(number / 3)),
    risk: Math.round(9700 / (number + 9)) / 10, owner: number % 4 === 3 ? pick(users, number) : null, tags: number % 5 === 1 ? ['lab', 'vip-host'] : [],
    techniques: [pick(TECHNIQUES, number), pick(TECHNIQUES, number + 1), pick(TECHNIQUES, number + 2), pick(TECHNIQUES, number + 3)].slice(0, 1 + (number % 4)),
    tactics: ['execution', 'credential-access'], entities: entities(number), findings_count: 1 + (number % 23), events_count: 1 + (number % 19),
    first_event_at: minutesAgo(number * 3 + 90), last_event_at: minutesAgo(number * 3), created_at: minutesAgo(number * 3), updated_at: minutesAgo(number), version: 1,
  };
}

export function createState() {
  return {
    incidents: Array.from({ length: 5000 }, (_, index) => makeIncident(index + 1)),
    notes: new Map([[uuid('00000003', 1), [{ id: uuid('00000004', 1), text: 'Called the owner of the host.\nHe did not start this.', by: users[1], at: minutesAgo(30) }]]]),
    evidence: new Map(), sources: structuredClone(SOURCES),
  };
}

const CLAUSES = [
  { field: 'CommandLine', modifier: 'contains', pattern: ' -enc ', value: `powershell.exe -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA\u0000\u200b${BIDI}`, sentence: 'The command line contains “ -enc ”.' },
  { field: 'ParentImage', modifier: 'endswith', pattern: '\\WINWORD.EXE', value: 'C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE', sentence: 'The parent program is Microsoft Word.' },
  { field: 'TargetImage', modifier: 'matches', pattern: '(?i)lsass\\.exe$', value: 'C:\\Windows\\system32\\lsass.exe', sentence: 'The target process is LSASS.' },
];
const RULE = { rule_id: uuid('00000005', 1), rule_title: 'Suspicious Encoded PowerShell Command Line', rule_author: 'A. Factory, B. Fixture' };

export function detail(one) {
  return {
    ...one,
    why: {
      summary: 'Word started PowerShell with an encoded command, and 40 seconds later that PowerShell read the memory of LSASS on the same host and by the same user.',
      clauses: [
        { finding_id: uuid('00000006', 1), ...RULE, ...CLAUSES[0] }, { finding_id: uuid('00000006', 1), ...RULE, ...CLAUSES[1] },
        { finding_id: uuid('00000006', 2), rule_id: uuid('00000005', 2), rule_title: 'LSASS Memory Access', rule_author: null, ...CLAUSES[2] },
      ],
      rarity: [{ sentence: 'WINWORD.EXE has started powershell.exe on 1 of 212 hosts in the last 30 days.' }],
      entities: [
        { kind: 'host', value: one.entities[0].value, risk: 64, reasons: ['+40 critical finding: LSASS Memory Access', '+24 high finding: Encoded PowerShell'] },
        { kind: 'user', value: one.entities[1].value, risk: 40, reasons: ['+40 acted in a critical finding'] },
      ],
      next_steps: [`Look at what ${one.entities[1].value} started on other hosts in the same hour.`, 'Look for the encoded command on other hosts.', 'Check whether the document came by mail to others.'],
      searches: [{ title: 'Other hosts with the encoded command', where: { op: 'contains', field: 'CommandLine', value: ' -enc ' }, from: minutesAgo(600), to: minutesAgo(0) }],
    },
    closure: one.status === 'closed' ? { reason: 'benign', note: 'Red team exercise.', by: users[1], at: minutesAgo(2) } : null,
    allowed_transitions: {
      new: [{ to: 'acknowledged', needs_reason: false }, { to: 'in_progress', needs_reason: false }, { to: 'closed', needs_reason: true }],
      acknowledged: [{ to: 'in_progress', needs_reason: false }, { to: 'closed', needs_reason: true }],
      in_progress: [{ to: 'contained', needs_reason: false }, { to: 'closed', needs_reason: true }],
      contained: [{ to: 'in_progress', needs_reason: false }, { to: 'closed', needs_reason: true }],
      closed: [{ to: 'in_progress', needs_reason: true }],
    }[one.status],
    acknowledged_by: one.status === 'new' ? null : users[1], acknowledged_at: one.status === 'new' ? null : minutesAgo(5),
  };
}

export function timeline(one, state) {
  const findings = Array.from({ length: 240 }, (_, index) => ({
    id: uuid('00000007', index), at: minutesAgo(90 - index / 4), kind: 'finding', title: pick(TITLES, index), detail: index % 3 ? null : CLAUSES[0].value,
    actor: null, event_id: uuid('00000008', index), finding_id: uuid('00000006', index), level: pick(LEVELS, index), techniques: [pick(TECHNIQUES, index)],
  }));
  const notes = (state.notes.get(one.id) ?? []).map((note) => ({
    id: note.id, at: note.at, kind: 'note', title: note.text, detail: null, actor: note.by, event_id: null, finding_id: null, level: null, techniques: [],
  }));
  return [...findings, ...notes];
}

export function findings(one) {
  return Array.from({ length: 6 }, (_, index) => ({
    id: uuid('00000006', index), ...RULE, rule_id: uuid('00000005', index + 1), rule_title: index % 2 ? 'LSASS Memory Access' : RULE.rule_title, rule_version: 3, set_version: 12,
    level: pick(LEVELS, index), event_id: uuid('00000008', index), event_time: minutesAgo(90 - index), host: one.entities[0].value,
    techniques: [pick(TECHNIQUES, index)], tactics: ['execution'], clauses: CLAUSES, entities: one.entities,
  }));
}

export const fields = ['CommandLine', 'Image', 'ParentImage', 'User', 'EventID', 'DestinationIp', 'DestinationPort', 'TargetObject', 'Hashes', 'QueryName', 'winlog.channel', `Odd${BIDI}Field`]
  .map((name, index) => ({ name, count: 90_000 - index * 7_000 }));

function makeEvent(index, at) {
  const commandLine = index % 7 === 0 ? CLAUSES[0].value : index % 5 === 0 ? '=cmd|\' /C calc\'!A0' : `"C:\\Windows\\System32\\svchost.exe" -k netsvcs -p -s Schedule ${index}`;
  return {
    id: uuid('00000008', index), event_time: at, received_at: at, host: `WORKSTATION${index % 40}`, kind: 'process_creation',
    channel: 'Microsoft-Windows-Sysmon/Operational', code: '1', source: { id: SOURCES[0].id, name: SOURCES[0].name }, summary: `svchost.exe started: ${commandLine}`,
    fields: { CommandLine: commandLine, Image: 'C:\\Windows\\System32\\svchost.exe', User: 'NT AUTHORITY\\SYSTEM', EventID: 1, Hashes: ['SHA256=00', 'IMPHASH=11'] },
  };
}

export function events(from, to) {
  const end = Date.parse(to);
  const step = (end - Date.parse(from)) / 1200;
  return Array.from({ length: 1200 }, (_, index) => makeEvent(index, new Date(end - index * step).toISOString()));
}

export function histogram({ from, to, buckets }) {
  const start = Date.parse(from);
  const step = (Date.parse(to) - start) / buckets;
  return {
    buckets: Array.from({ length: buckets }, (_, index) => ({ from: new Date(start + index * step).toISOString(), count: Math.round(400 + 380 * Math.sin(index / 5)) * (index % 17 === 0 ? 3 : 1) })),
    complete: true,
  };
}

export function eventDetail(id) {
  const index = Number(id.slice(-12));
  const event = makeEvent(index, minutesAgo(index + 1));
  const text = `{"EventID":1,"CommandLine":"powershell.exe -enc \u0000\u001b[31m${BIDI}fdp.exe","html":"<img src=x onerror=alert(1)>"}\n`;
  return {
    ...event, entities: entities(index), original: { size_bytes: text.length, format: 'winlogbeat', text },
    findings: [{ id: uuid('00000006', 1), ...RULE, level: 'high' }],
  };
}

const REASONS = ['unsupported', 'status', 'no_log_source', 'not_yaml'];
export const rules = Array.from({ length: 3779 }, (_, index) => ({
  id: uuid('00000005', index + 1), title: `${pick(['Suspicious', 'Potential', 'Rare', 'Unusual'], index)} ${pick(['PowerShell Download', 'Service Installation', 'LSASS Access', 'Registry Persistence', 'DNS Tunnel'], index)} ${index + 1}`,
  level: pick(LEVELS, index), status: 'test', author: index % 9 ? 'A. Factory, B. Fixture' : null, state: index % 60 === 7 ? 'inactive' : index % 97 === 5 ? 'disabled' : 'active',
  reason: index % 60 === 7 ? pick(REASONS, Math.floor(index / 60)) : null,
  logsource: { category: 'process_creation', product: index % 2 ? 'windows' : 'linux', service: null }, techniques: [pick(TECHNIQUES, index).id], tactics: ['execution'],
  origin: pick(['imported', 'starter'], index), last_match_at: index % 11 === 0 ? minutesAgo(index) : null, matches_24h: index % 11 === 0 ? index % 83 : 0, seen_logsource: index % 3 !== 0,
}));

export function ruleDetail(id) {
  const rule = rules.find((one) => one.id === id) ?? rules[0];
  return {
    ...rule, description: 'Finds a command line with an encoded command.\nIt is invented for tests.', references: ['https://example.test/advisory'],
    falsepositives: ['Administrators who like base64'], definition: null, version: 3,
    text: `title: ${rule.title}\nlogsource:\n    product: windows\n    category: process_creation\ndetection:\n    selection:\n        CommandLine|contains: ' -enc '\n    condition: selection\nlevel: ${rule.level}\n`,
  };
}

export function enableRule(id, enabled) {
  const rule = rules.find((one) => one.id === id);
  if (rule) rule.state = enabled ? 'active' : 'disabled';
  return ruleDetail(id);
}

const problems = rules.filter((one) => one.state === 'inactive').map((one) => ({ path: `rules/windows/${one.id}.yml`, rule_id: one.id, title: one.title, reason: one.reason, detail: `Line 17: ${one.reason}` }));
export const load = {
  id: uuid('00000009', 1), version: 12, loaded_at: minutesAgo(61), by: me, origin: 'rules.zip',
  counts: { files: rules.length, active: rules.filter((one) => one.state === 'active').length, inactive: problems.length, disabled: rules.filter((one) => one.state === 'disabled').length },
  problems, reasons: Object.fromEntries(Map.groupBy(problems, (one) => one.reason).entries().map(([reason, all]) => [reason, all.length])),
};

const source = (number, name, format, state, more = {}) => ({
  id: uuid('0000000a', number), name, format, state, last_event_at: state === 'never' ? null : minutesAgo(number), events_24h: 120_000 / number, rate_per_second: state === 'receiving' ? 84.2 / number : 0,
  clock_skew_seconds: null, lost_datagrams: null, quarantined: 0, enabled: state !== 'disabled', detail: null, ...more,
});
const SOURCES = [
  source(1, 'Windows fleet', 'winlogbeat', 'receiving', { clock_skew_seconds: 12.4 }),
  source(2, 'Edge firewall', 'syslog', 'receiving', { lost_datagrams: 381, quarantined: 4 }),
  source(3, 'Honeypot', 'cowrie', 'silent', { detail: 'No event for 3 h; one every 2 min is usual.' }),
  source(4, 'New sensor', 'eve', 'never'),
  source(5, 'This machine', 'journald', 'not_readable', { detail: 'The journal is not readable. Run: usermod -aG systemd-journal xdr' }),
];

export function addSource(state, { name, format }) {
  const one = source(state.sources.length + 1, name, format, 'never');
  state.sources.push(one);
  return one;
}

export const quarantine = Array.from({ length: 4 }, (_, index) => ({
  id: uuid('0000000b', index + 1), source: { id: SOURCES[1].id, name: SOURCES[1].name }, received_at: minutesAgo(index * 7), reason: pick(['not_json', 'too_deep', 'too_large', 'bad_time'], index),
  size_bytes: 700 * (index + 1), preview: `{"broken": "\u0007${BIDI}<b>x</b>${'A'.repeat(200 * index)}`,
}));
