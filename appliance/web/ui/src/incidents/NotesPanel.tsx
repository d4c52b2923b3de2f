import { Button, Form, FormGroup, TextArea } from '@patternfly/react-core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { answer, api } from '../api/client';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Failure } from '../panels/Failure';
import { Loaded } from '../panels/Loaded';
import { Panel } from '../panels/Panel';
import { Moment } from '../panels/Time';
import { useDraft } from '../session/drafts';
import { useMay } from '../session/session';
import { changesOf, INCIDENTS, notes } from './queries';

/** Notes are only ever added, so two analysts cannot overwrite each other's. */
export function NotesPanel({ id }: { id: string }) {
  const query = useQuery(notes(id));
  const may = useMay('incidents:update');
  return (
    <Panel title={t('notes.title')}>
      <Loaded query={query} lines={2}>
        {({ items }) => (
          <ul className="xdr-plain-list">
            {items.map((note) => (
              <li key={note.id} className="xdr-note">
                <p className="xdr-quiet"><bdi>{note.by?.name ?? t('notes.system')}</bdi> · <Moment at={note.at} /></p>
                <p><Inert text={note.text} multiline /></p>
              </li>
            ))}
            {items.length === 0 && <li className="xdr-quiet">{t('notes.none')}</li>}
          </ul>
        )}
      </Loaded>
      {may && <NoteForm id={id} />}
    </Panel>
  );
}

function NoteForm({ id }: { id: string }) {
  const [text, setText] = useDraft(`note.${id}`);
  const client = useQueryClient();
  const add = useMutation({
    mutationKey: changesOf(id),
    mutationFn: (note: string) => answer(api.POST('/api/v1/incidents/{id}/notes', { params: { path: { id } }, body: { text: note } })),
    onSuccess: () => {
      setText('');
      return client.invalidateQueries({ queryKey: [...INCIDENTS, 'one', id] });
    },
  });
  const submit = (event: { preventDefault(): void }) => {
    event.preventDefault();
    if (text.trim() !== '') add.mutate(text);
  };
  return (
    <Form onSubmit={submit}>
      {add.error && <Failure error={add.error} />}
      <FormGroup label={t('notes.new')} fieldId="note-text">
        <TextArea
          id="note-text" value={text} rows={3} resizeOrientation="vertical" onChange={(_, value) => setText(value)}
          onKeyDown={(event) => { if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit(event); }}
        />
      </FormGroup>
      <div className="xdr-line">
        <Button type="submit" size="sm" variant="secondary" isDisabled={text.trim() === '' || add.isPending} isLoading={add.isPending}>
          {t('notes.add')}
        </Button>
        <span className="xdr-quiet">{t('notes.key')}</span>
      </div>
    </Form>
  );
}
