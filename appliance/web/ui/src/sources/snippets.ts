/** Configuration for the shippers users already run; the token stands where theirs would. */
export interface Target {
  /** Where the ingest service listens, as http(s)://host[:port]. */
  address: string;
  source: string;
  token: string;
}
export interface Snippet { shipper: string; file: string; text: string }

/** Nothing if the address is not one. */
export function snippetsFor(target: Target): Snippet[] {
  if (!URL.canParse(target.address)) return [];
  const { hostname, port, protocol, origin } = new URL(target.address);
  if (protocol !== 'https:' && protocol !== 'http:') return [];
  const isTLS = protocol === 'https:';
  const place = { ...target, origin, hostname, port: port === '' ? (isTLS ? '443' : '80') : port, isTLS };
  return [
    { shipper: 'curl', file: '', text: curl(place) },
    { shipper: 'Filebeat', file: 'filebeat.yml', text: filebeat(place) },
    { shipper: 'Fluent Bit', file: 'fluent-bit.conf', text: fluentBit(place) },
    { shipper: 'rsyslog', file: '/etc/rsyslog.d/60-mini-xdr.conf', text: rsyslog(place) },
  ];
}

interface Place extends Target { origin: string; hostname: string; port: string; isTLS: boolean }

function curl({ origin, source, token }: Place): string {
  return `curl --fail-with-body -X POST '${origin}${path(source)}' \\
  -H 'Authorization: Bearer ${token}' \\
  -H 'Content-Type: application/x-ndjson' \\
  --data-binary @events.ndjson
`;
}

/** Beats, and rsyslog below, speak to what they take for Elasticsearch: "source:token" is their key. */
function filebeat({ origin, source, token }: Place): string {
  return `output.elasticsearch:
  hosts: ["${origin}"]
  api_key: ${JSON.stringify(`${source}:${token}`)}
  allow_older_versions: true
setup.ilm.enabled: false
setup.template.enabled: false
`;
}

function fluentBit({ source, token, hostname, port, isTLS }: Place): string {
  return `[OUTPUT]
    Name    http
    Match   *
    Host    ${hostname}
    Port    ${port}
    URI     ${path(source)}
    Format  json_lines
    Header  Authorization Bearer ${token}
    tls     ${isTLS ? 'On' : 'Off'}
`;
}

function rsyslog({ source, token, hostname, port, isTLS }: Place): string {
  return `module(load="omelasticsearch")
template(name="xdr" type="list" option.jsonf="on") {
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="program" name="programname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}
action(type="omelasticsearch" template="xdr" searchIndex="syslog" bulkmode="on"
       server="${hostname}" serverport="${port}" usehttps="${isTLS ? 'on' : 'off'}"
       uid=${JSON.stringify(source)} pwd="${token}"
       queue.type="linkedList" action.resumeRetryCount="-1")
`;
}

/** A quote in a source's name must not end the shell's word it stands in. */
function path(source: string): string {
  return `/api/v1/ingest/${encodeURIComponent(source).replaceAll("'", '%27')}`;
}
