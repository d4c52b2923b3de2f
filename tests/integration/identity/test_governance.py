"""Four eyes and access reviews."""

from uuid import UUID, uuid4

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from appliance.audit.service import canonical
from appliance.composition import open_services
from appliance.foundation.actors import Actor, ActorKind, Permission, appliance
from appliance.foundation.database import transaction
from appliance.foundation.errors import Conflict, Invalid, NotPermitted
from appliance.identity.errors import (
    LastSuperAdmin,
    OwnProposal,
    ProposalClosed,
    ReviewIncomplete,
)
from appliance.identity.roles import roles
from appliance.identity.schemas import ReviewDecision, RoleGrant
from appliance.identity.site import Site
from appliance.incidents.models import Incident

ADMIN = appliance("tests")


@pytest.fixture
def verb(database, sealer, clock, settings, organisation):
    """One verb of one service in a transaction of its own."""

    async def run(service, name, *arguments, **keywords):
        async with open_services(database, organisation, sealer, clock, Site(settings)) as services:
            return await getattr(getattr(services, service), name)(*arguments, **keywords)

    return run


@pytest.fixture
async def incident_id(database, clock, organisation) -> UUID:
    new, now = uuid4(), clock.now()
    async with transaction(database, organisation) as session:
        session.add(
            Incident(
                org_id=organisation.org_id, id=new, number=int(new) % 10**9, title="x", status="new",
                is_open=True, severity=2, risk=10, tags=[], techniques=[], tactics=[], findings_count=0,
                events_count=0, first_event_at=now, last_event_at=now, created_at=now, updated_at=now,
                why={"summary": "x"},
            )
        )  # fmt: skip
    return new


async def exists(database, organisation, incident_id):
    async with transaction(database, organisation) as session:
        found = await session.execute(text("SELECT 1 FROM incidents WHERE id = :id"), {"id": incident_id})
        return found.first() is not None


@pytest.fixture
async def pair(crowd, organisation):
    return [await crowd.member(organisation, "super_admin") for _ in range(2)]


async def propose(verb, member, incident_id):
    payload = {"incident_id": str(incident_id)}
    return await verb("proposals", "propose", "incident.delete", payload, "a test", by=member.actor)


async def test_two_people_delete_an_incident_and_both_are_in_the_trail(
    verb, pair, crowd, database, organisation, incident_id
):
    one, other = pair
    proposal = await propose(verb, one, incident_id)
    assert await exists(database, organisation, incident_id)

    done = await verb("proposals", "approve", proposal.id, proposal.payload_hash, by=other.actor)

    assert (done.state, done.proposed_by, done.decided_by) == ("approved", one.email, other.email)
    assert not await exists(database, organisation, incident_id)
    assert await crowd.audited(organisation, proposal.id) == [
        ("proposal.made", "success"),
        ("proposal.approved", "success"),
    ]
    assert await crowd.audited(organisation, incident_id) == [("incident.deleted", "success")]


async def test_nobody_approves_what_they_proposed_by_whatever_way(
    verb, pair, gate, crowd, database, organisation, incident_id
):
    one, _ = pair
    proposal = await propose(verb, one, incident_id)
    another_session = await crowd.sign_in(one)
    actor, _, _ = await crowd.admission.of_cookie(another_session.token, address="")
    token = Actor(ActorKind.TOKEN, one.id, "their token", one.actor.permissions)
    service = Actor(ActorKind.TOKEN, uuid4(), "a service token", one.actor.permissions)
    local = Actor(ActorKind.LOCAL, None, "root", frozenset(Permission))

    for by in (one.actor, actor, token, service, local, ADMIN):
        with pytest.raises(OwnProposal):
            await verb("proposals", "approve", proposal.id, proposal.payload_hash, by=by)
    assert await exists(database, organisation, incident_id)


@pytest.mark.parametrize("role", roles())
async def test_who_may_ask_and_who_may_approve_is_in_the_matrix(
    verb, pair, crowd, organisation, incident_id, role
):
    member = await crowd.member(organisation, role)
    proposal = await propose(verb, pair[0], incident_id)
    may = Permission.INCIDENTS_DELETE in roles()[role].permissions

    outcomes = []
    for call in (
        lambda: propose(verb, member, incident_id),
        lambda: verb("proposals", "approve", proposal.id, proposal.payload_hash, by=member.actor),
    ):
        try:
            await call()
            outcomes.append(True)
        except NotPermitted:
            outcomes.append(False)

    assert outcomes == [may, may]


async def test_what_was_not_seen_is_not_approved(verb, pair, database, organisation, incident_id):
    proposal = await propose(verb, pair[0], incident_id)

    with pytest.raises(Invalid):
        await verb("proposals", "approve", proposal.id, "0" * 64, by=pair[1].actor)

    async with transaction(database, organisation) as session:  # somebody with the database changes it
        await session.execute(text("UPDATE proposals SET payload = '{}'"))
    with pytest.raises(Invalid):
        await verb("proposals", "approve", proposal.id, proposal.payload_hash, by=pair[1].actor)


async def test_a_proposal_lapses_is_decided_once_and_dies_with_its_makers_right(
    verb, pair, clock, incident_id
):
    one, other = pair
    late, twice, orphan, withdrawn = [await propose(verb, one, incident_id) for _ in range(4)]
    await verb("proposals", "reject", twice.id, by=other.actor)
    await verb("proposals", "reject", withdrawn.id, by=one.actor)

    for closed in (twice, withdrawn):
        with pytest.raises(ProposalClosed):
            await verb("proposals", "approve", closed.id, closed.payload_hash, by=other.actor)

    await verb("identity", "set_roles", one.id, [RoleGrant(role="soc_analyst")], by=ADMIN)
    with pytest.raises(ProposalClosed, match="no longer"):
        await verb("proposals", "approve", orphan.id, orphan.payload_hash, by=other.actor)

    clock.advance(hours=25)
    with pytest.raises(ProposalClosed, match="expired"):
        await verb("proposals", "approve", late.id, late.payload_hash, by=other.actor)


async def test_a_review_takes_what_was_not_kept_and_is_signed(
    verb, pair, crowd, settings, admission, organisation
):
    one, _ = pair
    gone = await crowd.member(organisation, "soc_analyst")
    review = await verb("reviews", "open", by=one.actor)
    decided = [
        ReviewDecision(user_id=UUID(item["user_id"]), decision="keep")
        for item in review.items
        if item["email"] != gone.email
    ]
    with pytest.raises(NotPermitted):
        await verb("reviews", "decide", review.id, decided, by=one.actor)

    third = await crowd.member(organisation, "super_admin")
    await verb("reviews", "decide", review.id, decided, by=third.actor)
    with pytest.raises(ReviewIncomplete, match=gone.email):
        await verb("reviews", "close", review.id, by=third.actor)
    remove = [ReviewDecision(user_id=gone.id, decision="remove")]
    await verb("reviews", "decide", review.id, remove, by=third.actor)
    closed = await verb("reviews", "close", review.id, by=third.actor)

    actor, _, _ = await admission.of_cookie(gone.signed_in.token, address="")
    assert actor.permissions == frozenset()
    document = closed.document.encode()
    assert canonical(msgspec.json.decode(document)) == document
    key = Ed25519PrivateKey.from_private_bytes(settings.credential("audit-key")).public_key()
    key.verify(bytes.fromhex(closed.signature), document)
    with pytest.raises(Conflict):
        await verb("reviews", "close", review.id, by=third.actor)


async def test_a_review_cannot_remove_the_last_administrator(verb, crowd, database, organisation):
    admin = await crowd.member(organisation, "super_admin")
    review = await verb("reviews", "open", by=ADMIN)
    await verb(
        "reviews", "decide", review.id, [ReviewDecision(user_id=admin.id, decision="remove")], by=ADMIN
    )
    reviewer = Actor(ActorKind.USER, uuid4(), "a reviewer", frozenset({Permission.ACCESS_REVIEWS_SIGN}))

    with pytest.raises(LastSuperAdmin):
        await verb("reviews", "close", review.id, by=reviewer)


async def test_two_people_erase_a_person_from_the_trail(verb, pair, crowd, database, organisation):
    one, other = pair
    gone = await crowd.member(organisation, "soc_analyst")
    payload = {"subject_id": str(gone.id)}
    with pytest.raises(Invalid):
        await verb("proposals", "propose", "audit.erase_everybody", payload, "asked for", by=one.actor)
    proposal = await verb("proposals", "propose", "audit.erase_subject", payload, "asked for", by=one.actor)
    with pytest.raises(OwnProposal):
        await verb("proposals", "approve", proposal.id, proposal.payload_hash, by=one.actor)

    await verb("proposals", "approve", proposal.id, proposal.payload_hash, by=other.actor)

    async with transaction(database, organisation) as session:
        key = await session.execute(
            text("SELECT sealed_key, erased_at FROM audit_subject_keys WHERE subject_id = :id"),
            {"id": gone.id},
        )
        sealed_key, erased_at = key.one()
    assert sealed_key is None
    assert erased_at is not None
