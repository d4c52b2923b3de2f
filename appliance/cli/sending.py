"""Sends batches to the ingest receiver until they are acknowledged."""

import threading
import time
from hashlib import sha256
from urllib.parse import quote

import httpx
import msgspec
import zstandard

from appliance.cli.client import failure_of, product_version
from appliance.cli.failures import CommandFailure, ExitCode, invalid
from appliance.cli.session import Session
from appliance.cli.source_token import SourceToken
from appliance.cli.targets import is_loopback
from appliance.telemetry.carrying import Piece

_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_BUSY = (429, 502, 503, 504)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0


class Receipt(msgspec.Struct, frozen=True):
    """What the appliance acknowledged, as `telemetry.intake.Receipt` says it."""

    durability: str = "committed"
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    findings: int = 0
    repeated: bool = False


class Sender:
    """
    One source of one appliance; threads may share it.

    Args:
        url: The ingest receiver.
        token: Finds and renews the source's token.
        form: A decoder's name for everything, or "auto".
        patience_seconds: How long a refusal may last before it is a failure.
    """

    def __init__(
        self,
        session: Session,
        *,
        url: str,
        source: str,
        token: SourceToken,
        form: str,
        patience_seconds: float,
    ) -> None:
        self._session, self._source, self._token, self._form = session, source, token, form
        self._patience, self._stopped, self._renewing = patience_seconds, threading.Event(), threading.Lock()
        self._secret = token.find()
        self._packs = not is_loopback(url)
        if self._packs and url.startswith("http://"):
            session.warn(f"{url} is not encrypted; the source's token can be read on the way")
        self._http = httpx.Client(
            base_url=url,
            timeout=_TIMEOUT,
            transport=session.transport,
            headers={"User-Agent": f"xdr/{product_version()}"},
        )

    def stop(self) -> None:
        """Give up waiting; what is under way ends."""
        self._stopped.set()

    def send(self, piece: Piece, batch_id: str = "") -> Receipt:
        """
        Deliver one batch; waits as long as the appliance asks for and patience lasts.

        Raises:
            CommandFailure: Refused for good, or nobody took it in time.
        """
        form = self._form if self._form != "auto" else piece.form
        identity = batch_id or content_id(piece.body, form)
        since, pause = time.monotonic(), _FIRST_PAUSE_SECONDS
        while True:
            secret = self._secret
            try:
                answer = self._post(piece.body, form, identity, secret)
            except httpx.TransportError as error:
                failure = CommandFailure(
                    f"{self._http.base_url} does not answer: {error}",
                    code=ExitCode.UNAVAILABLE,
                    next_step="xdr status",
                )
                asked = 0.0
            else:
                if answer.status_code == 401:  # noqa: PLR2004 — the one that another token can cure
                    self._renew(secret)
                    continue
                if answer.is_success:
                    return _receipt(answer)
                failure, asked = failure_of(answer), _retry_after(answer)
                if answer.status_code not in _BUSY:
                    raise failure
            if time.monotonic() - since > self._patience or self._stopped.wait(max(asked, pause)):
                raise failure
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _post(self, body: bytes, form: str, batch_id: str, secret: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}", "X-Batch-Id": batch_id, "X-Format": form}
        if self._packs:
            headers["Content-Encoding"] = "zstd"
            body = zstandard.ZstdCompressor(level=1).compress(body)
        return self._http.post(
            f"/api/v1/ingest/{quote(self._source, safe='')}", content=body, headers=headers
        )

    def _renew(self, refused: str) -> None:
        with self._renewing:
            if self._secret != refused:
                return  # another thread was faster
            fresh = self._token.renew()
            probe = self._http.get(
                "/api/v1/ingest/batches/none", headers={"Authorization": f"Bearer {fresh}"}
            )
            if probe.status_code == 401:  # noqa: PLR2004 — a fresh token refused: it is not about tokens
                raise failure_of(probe)
            self._secret = fresh


def content_id(body: bytes, form: str) -> str:
    """
    The batch id of a piece: the same content is the same batch, whatever its file is called.

    Read by a named format it is another batch, so that a wrong guess can be put right by naming the format.
    """
    return sha256(body if form == "auto" else f"{form}\n".encode() + body).hexdigest()


def _receipt(answer: httpx.Response) -> Receipt:
    try:
        return msgspec.json.decode(answer.content, type=Receipt)
    except msgspec.DecodeError as error:
        raise invalid(f"{answer.url} is no ingest receiver: {error}", "check --url") from error


def _retry_after(answer: httpx.Response) -> float:
    said = answer.headers.get("retry-after", "")
    return float(said) if said.isdecimal() else 0.0
