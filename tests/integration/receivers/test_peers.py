"""
Real shippers against the receivers: rsyslog and syslog-ng, as hosts run them.

rsyslog is the installed one. syslog-ng conflicts with it as a package, so it may also lie unpacked under the
folder that XDR_PEERS names, in `syslog-ng/`.
"""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
import uvicorn

from appliance.jobs.receivers.http import ingest_application
from appliance.jobs.receivers.listeners import Listener, Listeners, Transport
from appliance.telemetry.decoding.registry import decoder
from appliance.telemetry.events import Bounds
from tests.factories.intake import MemoryIntake

pytestmark = pytest.mark.peer

LINES = 2000
NAMES = tuple(f"syslog-{transport}" for transport in Transport)


@pytest.fixture
def intake() -> MemoryIntake:
    return MemoryIntake(listeners=NAMES)


@pytest.fixture
def certificates(tmp_path) -> Path:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    return tmp_path


@asynccontextmanager
async def listening(
    intake, certificates: Path, transport: Transport, port: int = 0
) -> AsyncIterator[Listeners]:
    pem = str(certificates / "server.pem") if "tls" in transport else ""
    listeners = Listeners(
        intake, [Listener(f"syslog-{transport}", transport, port, "127.0.0.1", certificate=pem)]
    )
    await listeners.start()
    try:
        yield listeners
    finally:
        await listeners.stop()


@asynccontextmanager
async def serving(intake) -> AsyncIterator[int]:
    """The ingest application behind a real HTTP server."""
    config = uvicorn.Config(
        ingest_application(intake), port=0, log_level="warning", lifespan="off", ws="none"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def running(*command: str, env: dict[str, str] | None = None) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **(env or {})},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def rsyslog(tmp_path: Path, action: str) -> list[str]:
    program = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip("rsyslogd is not installed; make test-deps installs it")
    (tmp_path / "in.log").write_text("".join(f'line {index:05d} ["=cmd"] \u00e9\n' for index in range(LINES)))
    (tmp_path / "rsyslog.conf").write_text(
        f"""
        global(workDirectory="{tmp_path}" defaultNetstreamDriverCAFile="{tmp_path}/ca.pem")
        module(load="imfile") module(load="omrelp" tls.tlslib="openssl") module(load="omelasticsearch")
        template(name="doc" type="list" option.jsonf="on") {{
          property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
          property(outname="host" name="hostname" format="jsonf")
          property(outname="programname" name="programname" format="jsonf")
          property(outname="message" name="msg" format="jsonf")
        }}
        input(type="imfile" File="{tmp_path}/in.log" Tag="app:" Severity="info" Facility="local0")
        {action}
        """
    )
    return [program, "-n", "-f", str(tmp_path / "rsyslog.conf"), "-i", str(tmp_path / "rsyslog.pid")]


def syslog_ng(tmp_path: Path, destination: str) -> tuple[list[str], dict[str, str]]:
    root = Path(os.environ.get("XDR_PEERS", "/nonexistent")) / "syslog-ng"
    program = shutil.which("syslog-ng", path="/usr/sbin:/sbin") or shutil.which(
        "syslog-ng", path=str(root / "usr/sbin")
    )
    if program is None:
        pytest.skip("syslog-ng is not installed; make test-deps unpacks it and XDR_PEERS names the folder")
    (tmp_path / "in.log").write_text("".join(f'line {index:05d} ["=cmd"] \u00e9\n' for index in range(LINES)))
    (tmp_path / "syslog-ng.conf").write_text(
        f"""@version: 3.35
        options {{ stats-freq(0); }};
        source s {{ file("{tmp_path}/in.log" read-old-records(yes) flags(no-parse) program-override("app")); }};
        destination d {{ {destination} }};
        log {{ source(s); destination(d); flags(flow-control); }};
        """
    )
    arguments = ["--foreground", "--no-caps", f"--cfgfile={tmp_path}/syslog-ng.conf"]
    arguments += [f"--{name}={tmp_path}/syslog-ng.{name}" for name in ("persist-file", "pidfile", "control")]
    libraries = [
        f"{root}/usr/lib/x86_64-linux-gnu",
        f"{root}/lib/x86_64-linux-gnu",
        f"{root}/usr/lib/syslog-ng",
    ]
    modules = sorted((root / "usr/lib/syslog-ng").glob("[0-9]*")) if program.startswith(str(root)) else []
    if modules:
        arguments.append(f"--module-path={modules[0]}")
    return [program, *arguments], {"LD_LIBRARY_PATH": ":".join(libraries)} if modules else {}


def numbers(intake: MemoryIntake) -> list[int]:
    """The numbers of all lines that arrived, as the decoder reads them."""
    found = []
    for submission in intake.submissions:
        decoded = decoder(submission.format)(submission.body, Bounds(), {"received": "2026-11-23T00:00:00Z"})
        assert decoded.malformed == []
        for event in decoded.events:
            text = str(event.fields["message"]).strip()
            assert text.endswith('["=cmd"] \u00e9')
            assert event.fields["program"] == "app"
            assert event.time > 0
            found.append(int(text.split()[1]))
    return found


async def everything(intake: MemoryIntake, lines: int = LINES) -> None:
    async with asyncio.timeout(60):
        while intake.everything.count(b"line ") < lines:
            await asyncio.sleep(0.05)


RSYSLOG_ACTIONS = {
    Transport.UDP: 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="udp" template="RSYSLOG_SyslogProtocol23Format" RebindInterval="0")',
    Transport.TCP: 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="RSYSLOG_ForwardFormat")',
    Transport.TLS: 'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted" StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid" template="RSYSLOG_SyslogProtocol23Format")',
    Transport.RELP: 'action(type="omrelp" target="127.0.0.1" port="{port}" template="RSYSLOG_SyslogProtocol23Format")',
    Transport.RELP_TLS: 'action(type="omrelp" target="127.0.0.1" port="{port}" tls="on" tls.caCert="{ca}" tls.authMode="certvalid" template="RSYSLOG_SyslogProtocol23Format")',
}


@pytest.mark.parametrize("transport", RSYSLOG_ACTIONS)
async def test_rsyslog_delivers_every_line_once(intake, certificates, transport):
    async with listening(intake, certificates, transport) as listeners:
        port = listeners.ports[f"syslog-{transport}"]
        action = RSYSLOG_ACTIONS[transport].format(port=port, ca=certificates / "ca.pem")
        async with running(*rsyslog(certificates, action)):
            await everything(intake)

    assert sorted(numbers(intake)) == list(range(LINES))


async def test_rsyslog_sends_again_over_relp_what_was_not_acknowledged(intake, certificates):
    intake.gate.clear()
    async with listening(intake, certificates, Transport.RELP) as listeners:
        port = listeners.ports["syslog-relp"]
        action = RSYSLOG_ACTIONS[Transport.RELP].format(port=port).replace(")", ' action.resumeInterval="1")')
        async with running(*rsyslog(certificates, action)):
            async with asyncio.timeout(30):
                while not intake.waiting:
                    await asyncio.sleep(0.05)
            # The receiver dies with messages read and none acknowledged.
            await listeners._servers["syslog-relp"].stop()
            for task in listeners._tasks:
                task.cancel()
            await asyncio.gather(*listeners._tasks, return_exceptions=True)
            listeners._tasks.clear()
            assert intake.submissions == []

            intake.gate.set()
            async with listening(intake, certificates, Transport.RELP, port):
                await everything(intake)

    assert set(numbers(intake)) == set(range(LINES))


async def test_rsyslog_delivers_through_elasticsearchs_bulk(intake, tmp_path, certificates):
    async with serving(intake) as port:
        action = (
            f'action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" uid="sensor" pwd="token" '
            'bulkmode="on" template="doc" searchIndex="logs" searchType="" errorFile="'
            + str(tmp_path)
            + '/errors")'
        )
        async with running(*rsyslog(tmp_path, action)):
            await everything(intake)

    assert not (tmp_path / "errors").exists()
    assert sorted(numbers(intake)) == list(range(LINES))
    assert {(submission.source, submission.credential) for submission in intake.submissions} == {
        ("sensor", "token")
    }


SYSLOG_NG_DESTINATIONS = {
    Transport.UDP: 'syslog("127.0.0.1" port({port}) transport("udp"));',
    Transport.TCP: 'network("127.0.0.1" port({port}) transport("tcp"));',
    Transport.TLS: 'syslog("localhost" port({port}) transport("tls") tls(ca-file("{ca}") peer-verify(required-trusted)));',
}


@pytest.mark.parametrize("transport", SYSLOG_NG_DESTINATIONS)
async def test_syslog_ng_delivers_every_line_once(intake, certificates, transport):
    async with listening(intake, certificates, transport) as listeners:
        destination = SYSLOG_NG_DESTINATIONS[transport]
        port = listeners.ports[f"syslog-{transport}"]
        command, env = syslog_ng(certificates, destination.format(port=port, ca=certificates / "ca.pem"))
        async with running(*command, env=env):
            await everything(intake)

    assert sorted(numbers(intake)) == list(range(LINES))


def test_the_certificates_are_good_for_a_strict_client(certificates):
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    assert context.verify_mode is ssl.CERT_REQUIRED
