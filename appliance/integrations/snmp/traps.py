"""
Alerts as SNMP notifications, described by MINI-XDR-MIB.txt beside this file.

They are informs (RFC 3416 §4.2.7), which the receiver confirms; a plain trap would be lost unseen. With
version 3 they are authenticated and encrypted (RFC 3414 and 7860, RFC 3826); a community of version 2c is
read by whoever listens on the way.
"""

from pysnmp.error import PySnmpError
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC192_SHA256,
    USM_PRIV_CFB128_AES,
    CommunityData,
    ContextData,
    NotificationType,
    ObjectIdentity,
    OctetString,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    send_notification,
)

from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import AlertReceiver, Settings
from appliance.integrations.alert_secrets import secret
from appliance.integrations.alert_words import endpoint, headline
from appliance.support.alerting import Notification

# 32473 is the number that RFC 5612 sets aside for what has none of its own.
_ROOT = "1.3.6.1.4.1.32473.1"
_ALERT = f"{_ROOT}.0.1"
_PORT = 162
_SECONDS, _RETRIES = 5, 1
_LEAST_PASSWORD = 8  # RFC 3414 §11.2
_LONGEST = 255  # of SnmpAdminString


class Traps:
    """
    Implements `support.notifying.Receiver`.

    Raises:
        Invalid: `to` is not HOST:PORT, or what the version needs is not set.
    """

    def __init__(self, settings: Settings, receiver: AlertReceiver) -> None:
        self._settings, self._receiver = settings, receiver
        self._address = endpoint(receiver.to, _PORT)
        if receiver.version == "3" and not receiver.user:
            raise Invalid(f"receiver {receiver.name} speaks SNMPv3 and names no user")

    async def tell(self, notification: Notification) -> None:
        """
        Inform the receiver.

        Raises:
            Invalid: Its secret is missing or too short.
            Unavailable: It did not confirm.
        """
        who = self._who()
        engine = SnmpEngine()
        try:
            said, status, _, _ = await send_notification(
                engine,
                who,
                await UdpTransportTarget.create(self._address, timeout=_SECONDS, retries=_RETRIES),
                ContextData(),
                "inform",
                NotificationType(ObjectIdentity(_ALERT)).add_varbinds(*_objects(notification)),
            )
        except PySnmpError as error:
            raise Unavailable(f"SNMP to {self._receiver.to}: {error}") from error
        finally:
            engine.close_dispatcher()
        if said or status:
            raise Unavailable(f"{self._receiver.to} did not confirm: {said or status.prettyPrint()}")

    def _who(self) -> CommunityData | UsmUserData:
        name = self._receiver.name
        words = secret(self._settings, name).decode().splitlines()
        if self._receiver.version == "2c":
            if len(words) != 1:
                raise Invalid(f"credential alerts/{name} has to hold the community, on one line")
            return CommunityData(words[0], mpModel=1)  # noqa: S508 — the site chose it, and is told
        match words:
            case [authentication, privacy] if min(map(len, words)) >= _LEAST_PASSWORD:
                pass
            case _:
                raise Invalid(
                    f"credential alerts/{name} has to hold two lines: the password for authentication and "
                    f"the one for privacy, {_LEAST_PASSWORD} characters or more each"
                )
        return UsmUserData(
            self._receiver.user,
            authentication,
            privacy,
            authProtocol=USM_AUTH_HMAC192_SHA256,
            privProtocol=USM_PRIV_CFB128_AES,
        )


def _objects(told: Notification) -> list[tuple[str, OctetString]]:
    values = [
        told.change, told.rule, told.severity, told.node, headline(told), told.fingerprint,
        told.annotations.get("runbook", ""),
    ]  # fmt: skip
    return [
        (f"{_ROOT}.1.{number}.0", OctetString(value.encode()[:_LONGEST]))
        for number, value in enumerate(values, start=1)
    ]
