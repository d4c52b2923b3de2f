"""`xdr login` and `xdr logout`: be a person of the appliance at this terminal."""

import sys
from typing import Annotated, Any

import httpx
import typer

from appliance.cli import kept_sessions
from appliance.cli.client import failure_of, open_http
from appliance.cli.commands import Commands
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.inert import inert
from appliance.cli.session import Session


def register(app: Commands) -> None:
    app.command()(login)
    app.command()(logout)


def login(
    session: Session,
    email: Annotated[str, typer.Argument(help="Your name at the appliance.")],
) -> None:
    """Sign in as yourself; asks for password and code, or reads them from standard input, a line each."""
    target = session.target
    if target.session_file is None:
        raise invalid("on the node you are its administrator already", "give --url or --profile")
    with open_http(target, session.transport) as http:
        answer = _post(http, "sign-in", {"email": email, "password": _asked("Password", hidden=True)})
        if answer.get("step") == "second_factor":
            answer = _post(http, "second-factor", {"token": answer["token"]} | _proof(answer["factors"]))
        elif answer.get("step") == "enrolment":
            answer = _enrolled(session, http, answer["token"])
    kept_sessions.keep(target.session_file, answer)
    session.say(f"signed in to {target.name} as {email}; `xdr logout` ends it")


def logout(session: Session) -> None:
    """End the session of `xdr login`, on the appliance too."""
    target = session.target
    if target.session_file is None or not target.session_file.exists():
        raise CommandFailure(f"nobody is signed in to {target.name} here", code=ExitCode.NOT_FOUND)
    session.api.delete("/session")
    kept_sessions.forget(target.session_file)
    session.say(f"signed out of {target.name}")


def _proof(factors: list[str]) -> dict[str, str]:
    code = _asked("Code, or a recovery code" if "totp" in factors else "Recovery code", hidden=False)
    return {"code": code} if code.isdecimal() else {"recovery_code": code}


def _enrolled(session: Session, http: httpx.Client, token: str) -> dict[str, Any]:
    begun = _post(http, "enrolment", {"token": token})
    session.say(f"your role needs a second factor. Put this secret into your app: {begun['secret']}")
    done = _post(http, "enrolment/confirmation", {"token": token, "code": _asked("Code", hidden=False)})
    session.say("recovery codes, shown this once:\n" + "\n".join(done["recovery_codes"]))
    return done


def _post(http: httpx.Client, step: str, body: dict[str, str]) -> dict[str, Any]:
    try:
        answer = http.post(f"/api/v1/auth/{step}", json=body)
    except httpx.TransportError as error:
        raise CommandFailure(f"no answer from the appliance: {error}", code=ExitCode.UNAVAILABLE) from error
    if not answer.is_success:
        raise failure_of(answer)
    said: dict[str, Any] = answer.json()
    return said


def _asked(what: str, *, hidden: bool) -> str:
    if sys.stdin.isatty():
        said: str = typer.prompt(inert(what), hide_input=hidden, err=True)
        return said
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        raise invalid(f"no {what.lower()} came on standard input")
    return line
