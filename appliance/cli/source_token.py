"""
The token that `xdr ingest` sends with.

Given one, it is used. On a node without one, a source and a token of its own are made through the API
and the token is kept, readable only by its user, so that the next import uses it again.
"""

import contextlib
from hashlib import sha256
from pathlib import Path

from appliance.cli import secret_files
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.session import Session
from appliance.cli.targets import is_exposed, read_secret


class SourceToken:
    """
    Finds, makes, and on refusal renews the token.

    Args:
        given: A file with a token; nothing is made then.
    """

    def __init__(self, session: Session, source: str, given: Path | None) -> None:
        self._session, self._source, self._given = session, source, given

    def find(self) -> str:
        """
        The token to send with.

        Raises:
            CommandFailure: None was given and none can be made here.
        """
        if self._given is not None:
            if is_exposed(self._given):
                self._session.warn(f"others can read {self._given}; run `chmod 600 {self._given}`")
            return read_secret(self._given, "the source's token")
        kept = self._file()
        return read_secret(kept, "the source's token") if kept.exists() else self._issue()

    def renew(self) -> str:
        """
        Another token after the appliance refused the kept one.

        Raises:
            CommandFailure: It was a given one, or the source is switched off.
        """
        if self._given is not None:
            raise CommandFailure(
                f"the token in {self._given} is refused for the source {self._source}",
                code=ExitCode.DENIED,
                next_step=f"xdr source token {self._source} --to FILE",
            )
        self._file().unlink(missing_ok=True)
        return self._issue()

    def _issue(self) -> str:
        source_id = self._source_id()
        token: str = self._session.api.post(f"/sources/{source_id}/tokens", {"signed": False})["token"]
        file = self._file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret_files.keep(file, token)
        self._session.say(f"made a token for the source {self._source}; it is kept in {file}")
        return token

    def _source_id(self) -> str:
        for source in self._session.api.get("/sources")["items"]:
            if source["name"] == self._source:
                if not source["enabled"]:
                    raise CommandFailure(
                        f"the source {self._source} is switched off",
                        code=ExitCode.CONFLICT,
                        next_step=f"xdr source enable {self._source}",
                    )
                return str(source["id"])
        made = self._session.api.post("/sources", {"name": self._source})
        self._session.say(f"made the source {self._source}")
        return str(made["id"])

    def _file(self) -> Path:
        appliance = sha256(self._session.target.name.encode()).hexdigest()[:16]
        if "/" in self._source:
            raise invalid(f"{self._source!r} is no name of a source")
        return self._session.environment.state_home / "xdr-cli" / "tokens" / f"{appliance}-{self._source}"


def given_token(session: Session) -> Path | None:
    """The file named on the command line or in the environment."""
    named = session.options.token_file
    with contextlib.suppress(RuntimeError):  # no home folder to expand
        if named is None and session.environment.source_token_file:
            return Path(session.environment.source_token_file).expanduser()
    return named
