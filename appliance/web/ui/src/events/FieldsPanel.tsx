import { Menu, MenuContent, MenuItem, MenuList, MenuSearch, MenuSearchInput, MenuToggle, SearchInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';

import type { EventSummary } from '../api/schema';
import { Inert } from '../evidence/Inert';
import { formatNumber, t } from '../language/language';
import { flipped } from '../incidents/filters';
import { eventFields } from './queries';

interface FieldsProps { events: readonly EventSummary[]; columns: readonly string[]; setColumns: (names: readonly string[]) => void }

const LISTED = 200;

/** Which fields there are and how often, and which of them are columns. */
export function FieldsPanel({ events, columns, setColumns }: FieldsProps) {
  const [open, setOpen] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  return (
    <div className="xdr-menu-place">
      <MenuToggle ref={toggle} isExpanded={open} onClick={() => setOpen(!open)} size="sm">
        {t('fields.columns', { count: columns.length })}
      </MenuToggle>
      {open && (
        <FieldMenu events={events} columns={columns} setColumns={setColumns} close={() => { setOpen(false); toggle.current?.focus(); }} />
      )}
    </div>
  );
}

function FieldMenu({ events, columns, setColumns, close }: FieldsProps & { close: () => void }) {
  const [text, setText] = useState('');
  const known = useQuery(eventFields('')).data?.items;
  const counts = known ?? seenIn(events);
  const shown = counts.filter((one) => one.name.toLowerCase().includes(text.toLowerCase())).slice(0, LISTED);
  return (
    // Escape and leaving close the menu; PatternFly's menu does the other keys.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      className="xdr-menu" onKeyDown={(event) => { if (event.key === 'Escape') close(); }}
      onBlur={(event) => { if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) close(); }}
    >
      <Menu isScrollable role="menu" onSelect={(_, name) => setColumns(flipped(columns, String(name)))} selected={[...columns]}>
        <MenuSearch>
          <MenuSearchInput>
            {/* eslint-disable-next-line jsx-a11y/no-autofocus -- opened by the user, to type here */}
            <SearchInput autoFocus aria-label={t('fields.search')} value={text} onChange={(_, value) => setText(value)} onClear={() => setText('')} />
          </MenuSearchInput>
        </MenuSearch>
        <MenuContent>
          <MenuList aria-label={t('query.fields')}>
            {shown.map((one) => (
              <MenuItem key={one.name} itemId={one.name} hasCheckbox isSelected={columns.includes(one.name)}>
                <Inert text={one.name} /> <span className="xdr-quiet">{formatNumber(one.count)}</span>
              </MenuItem>
            ))}
            {shown.length === 0 && <MenuItem isDisabled>{t('fields.none')}</MenuItem>}
          </MenuList>
        </MenuContent>
      </Menu>
    </div>
  );
}

/** Without the appliance's own list: the fields of the events on the page. */
function seenIn(events: readonly EventSummary[]): { name: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const name of events.flatMap((one) => Object.keys(one.fields))) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((left, right) => right.count - left.count);
}
