import { Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';

import { t } from '../language/language';
import { Failure } from './Failure';

interface FormDialogProps {
  title: string;
  about?: ReactNode;
  /** What the button says that sends it. */
  confirm: string;
  error: Error | null;
  busy: boolean;
  incomplete?: boolean;
  /** There is nothing to send by button. */
  noSubmit?: boolean;
  isDangerous?: boolean;
  wide?: boolean;
  submit: () => void;
  cancel: () => void;
  children?: ReactNode;
}

/** A question with fields: what is refused is said above them, and what was typed stays. */
export function FormDialog(props: FormDialogProps) {
  const id = useId();
  const blocked = props.busy || (props.incomplete ?? false);
  return (
    <Modal variant={props.wide ? 'medium' : 'small'} isOpen onClose={props.cancel} aria-labelledby={`${id}-title`}>
      <ModalHeader title={props.title} labelId={`${id}-title`} {...(props.about ? { description: props.about } : {})} />
      <ModalBody>
        {props.error && <Failure error={props.error} />}
        <Form id={id} onSubmit={(event) => { event.preventDefault(); if (!blocked) props.submit(); }}>{props.children}</Form>
      </ModalBody>
      <ModalFooter>
        {!props.noSubmit && (
          <Button type="submit" form={id} variant={props.isDangerous ? 'danger' : 'primary'} isDisabled={blocked} isLoading={props.busy}>{props.confirm}</Button>
        )}
        <Button variant="link" onClick={props.cancel}>{t('cancel')}</Button>
      </ModalFooter>
    </Modal>
  );
}
