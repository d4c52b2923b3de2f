"""The first organisation and administrator, the starter rules, the source of this machine's own log."""

from uuid import UUID

from appliance.composition import Services, open_services
from appliance.detection.errors import NoRuleSet
from appliance.foundation.actors import Actor, Scope, appliance
from appliance.foundation.clock import SystemClock
from appliance.foundation.database import Database, organisation_ids
from appliance.foundation.sealing import Sealer
from appliance.foundation.settings import Settings
from appliance.identity.organisations import Organisations
from appliance.identity.schemas import NewUser
from appliance.telemetry.schemas import OWN_LOG_LISTENER, NewSource

OWN_LOG = "this-machine"
# What comes through a listener carries no token: the listener names the source.
LISTENED = {
    "carried-in": ("drop:carried-in", "auto"),
    "syslog-udp": ("syslog-udp", "syslog"),
    "syslog-tcp": ("syslog-tcp", "syslog"),
    "syslog-tls": ("syslog-tls", "syslog"),
    "relp": ("relp", "syslog"),
    "relp-tls": ("relp-tls", "syslog"),
}
_ADMIN = NewUser(email="admin@localhost", name="First administrator", roles=["super_admin"])


async def first_sign_in(settings: Settings) -> str | None:
    """
    Make what is missing; a one-time token for the first administrator's link.

    None once somebody has signed in: links are then made by an administrator.
    """
    database, sealer = Database(settings, pool_size=2), Sealer(settings.credential("field-key"))
    try:
        scope = Scope(org_id=await _organisation(database))
        async with open_services(database, scope, sealer) as services:
            await settle(services, settings.node, by=appliance("setup"))
            return await _link(services, by=appliance("setup"))
    finally:
        await database.close()


async def settle(services: Services, node: str, *, by: Actor) -> None:
    """Starter rules and the source of this machine's own log, if they are not there."""
    try:
        await services.detection.latest_load(by=by)
    except NoRuleSet:
        await services.detection.import_rules([], origin="starter pack", by=by)
    names = {source.name for source in await services.telemetry.sources(by=by)}
    if OWN_LOG not in names:
        await services.telemetry.create_source(
            NewSource(name=OWN_LOG, listener=OWN_LOG_LISTENER, options={"host": node}), by=by
        )
    for name, (listener, form) in LISTENED.items():
        if name not in names:
            source = NewSource(name=name, listener=listener, format=form)
            await services.telemetry.create_source(source, by=by)


async def _organisation(database: Database) -> UUID:
    found = await organisation_ids(database)
    if found:
        return found[0]
    return (await Organisations(database, SystemClock()).create("Main", by=appliance("setup"))).id


async def _link(services: Services, *, by: Actor) -> str | None:
    users = await services.identity.users(by=by)
    if not users:
        return (await services.identity.invite(_ADMIN, by=by)).link_token
    waiting = [user for user in users if user.status == "invited"]
    if len(waiting) == len(users):
        return (await services.identity.renew_link(waiting[0].id, by=by)).link_token
    return None
