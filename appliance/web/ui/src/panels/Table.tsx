import { Button } from '@patternfly/react-core';
import type { ReactNode } from 'react';

import { t } from '../language/language';

export interface TableColumn<T> {
  heading: string;
  cell: (row: T) => ReactNode;
  /** Said to screen readers only, for a column whose content speaks for itself. */
  isQuiet?: boolean;
}

interface TableProps<T> { caption: string; columns: readonly TableColumn<T>[]; rows: readonly T[]; id: (row: T) => string }

/** A short list as a table, whose rows become cards on a narrow page; the first column names the row. */
export function Table<T>({ caption, columns, rows, id }: TableProps<T>) {
  const [first, ...others] = columns;
  return (
    <table className="xdr-table xdr-table-cards xdr-table-list">
      <caption className="pf-v6-screen-reader">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ heading, isQuiet }) => (
            <th scope="col" key={heading}>{isQuiet ? <span className="pf-v6-screen-reader">{heading}</span> : heading}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={id(row)}>
            <th scope="row">{first?.cell(row)}</th>
            {others.map(({ heading, cell, isQuiet }) => (
              <td key={heading} {...(isQuiet ? {} : { 'data-label': heading })}>{cell(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The last column: what can be done with a row. */
export function actions<T>(of: (row: T) => ReactNode): TableColumn<T> {
  return { heading: t('column.actions'), isQuiet: true, cell: (row) => <span className="xdr-line">{of(row)}</span> };
}

/** One thing to do with a row; its name tells screen readers which row is meant. */
export function Act({ label, name, act, isDangerous = false, isDisabled = false }: { label: string; name: string; act: () => void; isDangerous?: boolean; isDisabled?: boolean }) {
  return <Button size="sm" variant="link" isInline isDanger={isDangerous} isDisabled={isDisabled} onClick={act} aria-label={`${label}: ${name}`}>{label}</Button>;
}
