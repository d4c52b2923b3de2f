import { Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';

import { answer, api } from '../api/client';
import type { Role } from '../api/identity';
import { Content } from '../frame/Content';
import { t } from '../language/language';
import { Ask } from '../panels/Ask';
import { Heading } from '../panels/Heading';
import { Loaded } from '../panels/Loaded';
import { useMay } from '../session/session';
import { Matrix } from './Matrix';
import { OwnRoles } from './OwnRoles';
import { PeopleTabs } from './PeopleTabs';
import { ROLES, roleMatrix } from './queries';
import { RoleDialog } from './RoleDialog';

type Doing = { what: 'edit'; role: Role | null } | { what: 'remove'; role: Role } | null;

/** Which role may do what, as the appliance says, and roles of one's own making. */
export function RolesPage() {
  const query = useQuery(roleMatrix);
  const mayEdit = useMay('roles:edit');
  const [doing, setDoing] = useState<Doing>(null);
  const close = () => setDoing(null);
  return (
    <Content>
      <Heading title={t('roles.title')}>{mayEdit && <Button size="sm" onClick={() => setDoing({ what: 'edit', role: null })}>{t('roles.add')}</Button>}</Heading>
      <PeopleTabs />
      <Loaded query={query} lines={12}>
        {(matrix) => (
          <>
            <OwnRoles roles={matrix.roles.filter((one) => !one.built_in)} mayEdit={mayEdit} edit={(role) => setDoing({ what: 'edit', role })} remove={(role) => setDoing({ what: 'remove', role })} />
            <Matrix matrix={matrix} />
          </>
        )}
      </Loaded>
      {doing?.what === 'edit' && <RoleDialog role={doing.role} close={close} />}
      {doing?.what === 'remove' && (
        <Ask keys={[ROLES]} close={close} question={{
          title: t('roles.remove'), text: t('roles.remove.about', { title: doing.role.title }), confirm: t('roles.remove'), isDangerous: true,
          run: () => answer(api.DELETE('/api/v1/roles/{id}', { params: { path: { id: doing.role.name } } })),
        }} />
      )}
    </Content>
  );
}
