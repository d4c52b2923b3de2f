/** Wire formats a source can be told to expect; `auto` recognises them by content. */
export const FORMATS = [
  'auto', 'windows', 'evtx', 'syslog', 'cef', 'leef',
  'auditd', 'journald', 'suricata', 'zeek', 'cowrie', 'honeypot',
  'osquery', 'ocsf', 'ecs', 'webserver', 'csv', 'json',
  'lines',
] as const;
