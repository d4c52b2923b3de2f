/** Configuration for the shippers users already run; the token stands where theirs would. */
export interface Target { origin: string; source: string; token: string }
export interface Snippet { shipper: string; file: string; text: string }

export function snippetsFor(target: Target): Snippet[] {
  const { hostname, port, protocol } = new URL(target.origin);
  const isTLS = protocol === 'https:';
  const number = port === '' ? (isTLS ? '443' : '80') : port;
  return [
    { shipper: 'curl', file: '', text: curl(target) },
    { shipper: 'Filebeat', file: 'filebeat.yml', text: filebeat(target) },
    { shipper: 'Fluent Bit', file: 'fluent-bit.conf', text: fluentBit(target, hostname, number, isTLS) },
    { shipper: 'rsyslog', file: '/etc/rsyslog.d/60-mini-xdr.conf', text: rsyslog(target, hostname, number, isTLS) },
  ];
}

function curl({ origin, source, token }: Target): string {
  return `curl --fail-with-body -X POST '${origin}/api/v1/ingest/${encodeURIComponent(source)}' \\
  -H 'Authorization: Bearer ${token}' \\
  -H 'Content-Type: application/x-ndjson' \\
  --data-binary @events.ndjson
`;
}

function filebeat({ origin, token }: Target): string {
  return `output.elasticsearch:
  hosts: ["${origin}"]
  headers:
    Authorization: "Bearer ${token}"
  allow_older_versions: true
setup.ilm.enabled: false
setup.template.enabled: false
`;
}

function fluentBit({ source, token }: Target, host: string, port: string, isTLS: boolean): string {
  return `[OUTPUT]
    Name          http
    Match         *
    Host          ${host}
    Port          ${port}
    URI           /api/v1/ingest/${encodeURIComponent(source)}
    Format        json_lines
    Header        Authorization Bearer ${token}
    tls           ${isTLS ? 'On' : 'Off'}
`;
}

function rsyslog({ token }: Target, host: string, port: string, isTLS: boolean): string {
  return `module(load="omelasticsearch")
action(type="omelasticsearch"
       server="${host}" serverport="${port}" usehttps="${isTLS ? 'on' : 'off'}"
       bulkmode="on" searchIndex="syslog"
       httpheaders=["Authorization: Bearer ${token}"]
       action.resumeRetryCount="-1")
`;
}
