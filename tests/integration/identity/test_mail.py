"""Links by mail, through a real SMTP relay with TLS; and none where no relay is configured."""

import asyncio
import re
import ssl

import msgspec
import pytest
import trustme
from aiosmtpd.controller import Controller
from sqlalchemy import text

from appliance.composition import open_services
from appliance.foundation import queue
from appliance.foundation.actors import appliance
from appliance.foundation.database import transaction
from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Mail
from appliance.identity.errors import SignInDelayed
from appliance.identity.forgetting import ForgottenPasswords
from appliance.identity.mail import MAIL_JOB, Message, opened
from appliance.identity.schemas import NewUser, SignedIn
from appliance.identity.site import Site
from appliance.integrations.smtp.mailer import SMTPMailer
from tests.factories.people import somewhere

ADMIN = appliance("tests")


class Box:
    """What the relay took."""

    def __init__(self) -> None:
        self.taken = []

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 — the library's name
        self.taken.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"


@pytest.fixture
def relay(tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    box = Box()
    controller = Controller(box, hostname="localhost", port=0, tls_context=context, require_starttls=True)
    controller.port = _free_port()
    controller.start()
    yield box, controller.port, tmp_path / "ca.pem"
    controller.stop()


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def configured(settings, relay):
    _, port, authority = relay
    mail = Mail(host="localhost", port=port, ca_file=str(authority), sender="xdr@site.test")
    return msgspec.structs.replace(settings, mail=mail)


async def work(database, settings, sealer):
    """Send what is queued, as the scheduler does."""
    sent = 0
    while (job := await queue.claim(database, (MAIL_JOB.name,), "tests")) is not None:
        await SMTPMailer(settings).send(opened(job.payload, job.scope, sealer))
        await queue.finish(database, job)
        sent += 1
    return sent


async def test_an_invitation_goes_by_mail_and_its_link_works(
    configured, relay, gate, database, sealer, clock, organisation
):
    box, _, _ = relay
    new = NewUser(email="new@example.test", name="New", roles=["soc_analyst"])
    async with open_services(database, organisation, sealer, clock, Site(configured)) as services:
        invited = await services.identity.invite(new, by=ADMIN)
    async with transaction(database, organisation) as session:
        queued = (await session.execute(text("SELECT payload::text FROM jobs"))).scalar_one()

    assert await work(database, configured, sealer) >= 1

    _, content = next(one for one in box.taken if "new@example.test" in one[0])
    token = re.search(r"/welcome/(\S+)", content.replace("=\r\n", ""))[1]
    assert invited.mailed
    assert invited.link_token not in queued
    assert isinstance(await gate.redeem(token, "seven red kites over a lake", **somewhere()), SignedIn)


async def test_who_forgot_the_password_gets_a_link_and_a_stranger_learns_nothing(
    configured, relay, crowd, database, sealer, clock, organisation
):
    box, _, _ = relay
    member = await crowd.member(organisation)
    forgotten = ForgottenPasswords(database, clock, pepper=b"x", sealer=sealer, site=Site(configured))

    await forgotten.ask(member.email.upper(), address="a")
    await forgotten.ask("nobody@example.test", address="a")
    await work(database, configured, sealer)

    assert [to for to, _ in box.taken] == [[member.email]]
    for _ in range(2):
        await forgotten.ask(member.email, address="a")
    with pytest.raises(SignInDelayed):
        await forgotten.ask(member.email, address="a")


async def test_without_a_relay_nothing_is_queued_and_the_answer_says_so(
    settings, database, sealer, clock, organisation
):
    new = NewUser(email="new@example.test", name="New", roles=["soc_analyst"])
    async with open_services(database, organisation, sealer, clock, Site(settings)) as services:
        invited = await services.identity.invite(new, by=ADMIN)

    assert not invited.mailed
    async with transaction(database, organisation) as session:
        assert (await session.execute(text("SELECT count(*) FROM jobs"))).scalar_one() == 0


async def test_a_relay_with_another_certificate_gets_nothing(configured, relay, tmp_path):
    box, _, _ = relay
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    mail = msgspec.structs.replace(configured.mail, ca_file=str(tmp_path / "other.pem"))

    with pytest.raises(Unavailable):
        await SMTPMailer(msgspec.structs.replace(configured, mail=mail)).send(Message("a@b.test", "s", "t"))

    assert box.taken == []


def test_mail_is_not_sent_in_the_clear_over_a_network(settings):
    mail = Mail(host="relay.example.test", tls="none")

    with pytest.raises(Invalid):
        SMTPMailer(msgspec.structs.replace(settings, mail=mail))


def test_no_header_can_be_smuggled_in():
    with pytest.raises(Invalid):
        Message("a@b.test\r\nBcc: c@d.test", "s", "t")


async def test_a_relay_that_is_down_is_unavailable(settings):
    mail = Mail(host="localhost", port=_free_port(), tls="none")

    with pytest.raises(Unavailable):
        await asyncio.wait_for(
            SMTPMailer(msgspec.structs.replace(settings, mail=mail)).send(Message("a@b.test", "s", "t")), 10
        )
