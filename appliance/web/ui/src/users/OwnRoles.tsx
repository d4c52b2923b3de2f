import type { Role } from '../api/identity';
import { Inert } from '../evidence/Inert';
import { t } from '../language/language';
import { Panel } from '../panels/Panel';
import { Act, actions, Table } from '../panels/Table';

interface OwnRolesProps { roles: readonly Role[]; mayEdit: boolean; edit: (role: Role) => void; remove: (role: Role) => void }

/** The roles this organisation made itself. */
export function OwnRoles({ roles, mayEdit, edit, remove }: OwnRolesProps) {
  return (
    <Panel title={t('roles.own')}>
      {roles.length === 0 ? <p className="xdr-quiet">{t('roles.none')}</p> : (
        <Table
          caption={t('roles.own')} rows={roles} id={(one) => one.name}
          columns={[
            { heading: t('column.role'), cell: (one) => <><Inert text={one.title} /><code className="xdr-findings xdr-quiet">{one.name}</code></> },
            { heading: t('column.permissions'), cell: (one) => <span className="xdr-mono">{one.permissions.join(', ')}</span> },
            ...(mayEdit ? [actions<Role>((one) => (
              <>
                <Act label={t('roles.change')} name={one.title} act={() => edit(one)} />
                <Act label={t('roles.remove')} name={one.title} act={() => remove(one)} isDangerous />
              </>
            ))] : []),
          ]}
        />
      )}
    </Panel>
  );
}
