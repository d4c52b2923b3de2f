"""`xdr role`, `xdr session`, `xdr policy`, `xdr organisation`, `xdr key`: who may do what, and who is in."""

from typing import Annotated, Any

import typer

from appliance.cli.commands import group
from appliance.cli.output import Column, moment
from appliance.cli.session import Session

roles = group("Roles: the matrix, and roles of your own.")
sessions = group("Sessions: who is signed in; end them.")
policy = group("What the organisation demands of passwords, sessions and second factors.")
organisations = group("The appliance's organisations; on the node only.")
keys = group("Keys that sign access tokens.")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Permissions = Annotated[
    list[str], typer.Option("--permission", metavar="PERMISSION", help="May be given again.")
]

_ROLE = [
    Column("NAME", "name"),
    Column("TITLE", "title"),
    Column("BUILT IN", "built_in"),
    Column("PERMISSIONS", "permissions", wide=True),
]
_SESSION = [
    Column("EMAIL", "email"),
    Column("KIND", "kind"),
    Column("METHODS", "methods"),
    Column("ADDRESS", "address"),
    Column("LAST SEEN", moment("last_seen_at")),
    Column("UNTIL", moment("expires_at"), wide=True),
    Column("PROGRAM", "user_agent", wide=True),
    Column("ID", "id"),
]
_POLICY = [
    Column("organisation", "name"),
    Column("profile", "profile"),
    Column("which is", "profile_title"),
    Column("second factor for everybody", "mfa_required"),
    Column("single sign-on enforced", "sso_enforced"),
    Column("shortest password", "shortest_password"),
    Column("with a second factor", "shortest_password_with_mfa"),
    Column("minutes idle", "idle_minutes"),
    Column("hours at most", "absolute_hours"),
]
_ORGANISATION = [
    Column("NAME", "name"),
    Column("STATUS", "status"),
    Column("CREATED", moment("created_at")),
    Column("ID", "id"),
]
_KEY = [Column("ID", "id"), Column("STATE", "state")]


@roles.command(name="list")
def list_roles(session: Session) -> None:
    """Every role; with `-o wide`, what it allows."""
    session.printer.rows(session.api.get("/roles")["roles"], _ROLE)


@roles.command(name="matrix")
def matrix(session: Session) -> None:
    """Every permission against every role; ◐ takes two people."""
    said = session.api.get("/roles")
    names = [role["name"] for role in said["roles"]]
    columns = [Column("PERMISSION", "permission"), *(Column(name, name) for name in names)]
    session.printer.rows([_line(one, said) for one in said["permissions"]], columns)


@roles.command(name="create")
def create_role(session: Session, name: str, title: str, permission: Permissions) -> None:
    """A role of your own making, with no more than you hold."""
    made = session.api.post("/roles", {"name": name, "title": title, "permissions": permission})
    session.printer.one(made, _ROLE)


@roles.command(name="change")
def change_role(session: Session, name: str, title: str, permission: Permissions) -> None:
    """Another title and other permissions for a role of your own making."""
    new = {"name": name, "title": title, "permissions": permission}
    session.printer.one(session.api.put(f"/roles/{name}", new), _ROLE)


@roles.command(name="remove")
def remove_role(session: Session, name: str, yes: Yes = False) -> None:
    """Take away a role that nobody has."""
    session.confirm(f"Remove the role {name}?", yes=yes)
    session.api.delete(f"/roles/{name}")
    session.say(f"the role {name} is gone")


@sessions.command(name="list")
def list_sessions(
    session: Session, own: Annotated[bool, typer.Option("--own", help="Only your own.")] = False
) -> None:
    """Who is signed in."""
    session.printer.rows(session.api.get("/sessions/own" if own else "/sessions")["items"], _SESSION)


@sessions.command(name="end")
def end_session(session: Session, session_id: str, yes: Yes = False) -> None:
    """End somebody's session; it is refused from the next request on."""
    session.confirm(f"End the session {session_id}?", yes=yes)
    session.api.delete(f"/sessions/{session_id}")
    session.say(f"session {session_id} is over")


@policy.command(name="show")
def show_policy(session: Session) -> None:
    """What is demanded now."""
    session.printer.one(session.api.get("/organisation/policy"), _POLICY)


@policy.command(name="set")
def set_policy(
    session: Session,
    profile: Annotated[str | None, typer.Option("--demands", help="nist, or pci.")] = None,
    mfa: Annotated[bool | None, typer.Option(help="A second factor for everybody.")] = None,
    sso: Annotated[bool | None, typer.Option(help="Passwords only for break-glass accounts.")] = None,
) -> None:
    """Choose; counts at the next request, and for passwords when they are next set."""
    wanted = {"profile": profile, "mfa_required": mfa, "sso_enforced": sso}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    session.printer.one(session.api.patch("/organisation/policy", chosen), _POLICY)


@organisations.command(name="list")
def list_organisations(session: Session) -> None:
    """Every organisation of the appliance."""
    session.printer.rows(session.api.get("/organisations")["items"], _ORGANISATION)


@organisations.command(name="create")
def create_organisation(session: Session, name: str) -> None:
    """A new organisation; then `xdr --organisation NAME user invite …` makes its first administrator."""
    session.printer.one(session.api.post("/organisations", {"name": name}), _ORGANISATION)


@organisations.command(name="suspend")
def suspend_organisation(session: Session, organisation_id: str, yes: Yes = False) -> None:
    """Let nobody of it in; its telemetry is still taken and matched."""
    session.confirm(f"Suspend the organisation {organisation_id}?", yes=yes)
    session.api.patch(f"/organisations/{organisation_id}", {"status": "suspended"})
    session.say("nobody of it gets in any more")


@organisations.command(name="resume")
def resume_organisation(session: Session, organisation_id: str) -> None:
    """Let a suspended organisation go on."""
    session.api.patch(f"/organisations/{organisation_id}", {"status": "active"})
    session.say("it goes on")


@keys.command(name="list")
def list_keys(session: Session) -> None:
    """The keys whose tokens may still be about."""
    session.printer.rows(session.api.get("/signing-keys")["items"], _KEY)


@keys.command(name="rotate")
def rotate_key(session: Session) -> None:
    """Sign with the next key from now on; no valid token is refused."""
    session.say(f"{session.api.post('/signing-keys/rotation')['active']} signs now")


def _line(permission: str, said: dict[str, Any]) -> dict[str, str]:
    mark = "◐" if permission in said["four_eyes"] else "●"
    held = {role["name"]: mark if permission in role["permissions"] else "" for role in said["roles"]}
    return {"permission": permission} | held
