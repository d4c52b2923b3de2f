import { inertText } from './inert';

/**
 * Rows as a CSV file that a spreadsheet can open without being attacked by it.
 *
 * RFC 4180 quoting; besides, a cell that a spreadsheet would take for a formula (OWASP "CSV
 * injection") gets an apostrophe in front, and invisible characters become visible symbols.
 */
const FORMULA = /^[\s\p{Cc}\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^\p{Cc}/u;
const BYTE_ORDER_MARK = '\ufeff';

export function csvCell(value: string): string {
  const shown = inertText(value, true);
  const harmless = FORMULA.test(value) ? `'${shown}` : shown;
  return `"${harmless.replaceAll('"', '""')}"`;
}

export function csvFile(header: readonly string[], rows: Iterable<readonly string[]>): string {
  const lines = [header.map(csvCell).join(',')];
  for (const row of rows) lines.push(row.map(csvCell).join(','));
  return `${BYTE_ORDER_MARK}${lines.join('\r\n')}\r\n`;
}

/** Hands the text to the browser as a download; nothing leaves the machine. */
export function saveFile(name: string, text: string, type: string): void {
  saveBlob(name, new Blob([text], { type }));
}

export function saveBlob(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
