import type { Role, RoleMatrix } from '../api/identity';
import { t } from '../language/language';
import { Panel } from '../panels/Panel';
import { byArea } from '../tokens/permissions';
import { roleTitle } from './grants';

/** Every permission against every role; what takes a second person is marked. */
export function Matrix({ matrix: { permissions, four_eyes: fourEyes, roles } }: { matrix: RoleMatrix }) {
  const shared = new Set(fourEyes);
  return (
    <Panel title={t('matrix.title')}>
      <p className="xdr-quiet">{t('matrix.about')}</p>
      {/* Scrolling content must be reachable by keyboard (WCAG 2.1.1). */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="xdr-matrix" tabIndex={0} role="group" aria-label={t('matrix.title')}>
        <table>
          <thead><tr><th scope="col">{t('column.permission')}</th>{roles.map((one) => <th scope="col" key={one.name}>{roleTitle(one.name, roles)}</th>)}</tr></thead>
          {byArea(permissions).map(([area, names]) => (
            <tbody key={area}>
              {names.map((name) => (
                <tr key={name}>
                  <th scope="row"><code>{name}</code></th>
                  {roles.map((role) => <td key={role.name}><Held role={role} permission={name} isShared={shared.has(name)} /></td>)}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
    </Panel>
  );
}

function Held({ role, permission, isShared }: { role: Role; permission: string; isShared: boolean }) {
  if (!role.permissions.includes(permission)) return <span className="pf-v6-screen-reader">{t('matrix.no')}</span>;
  return (
    <>
      <span aria-hidden="true">{isShared ? '◐' : '●'}</span>
      <span className="pf-v6-screen-reader">{t(isShared ? 'matrix.shared' : 'matrix.yes')}</span>
    </>
  );
}
