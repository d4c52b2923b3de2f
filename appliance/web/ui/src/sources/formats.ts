/** Wire formats a source can be told to expect; `auto` recognises them by content. */
export const FORMATS = [
  'auto', 'syslog', 'cef', 'leef', 'winlogbeat', 'nxlog', 'sysmon', 'evtx', 'eve', 'zeek', 'cowrie',
  'osquery', 'auditd', 'ocsf', 'json',
] as const;
