"""Alerts as JSON by HTTPS POST, signed, through the one way out."""

import hashlib
import hmac
import time

import msgspec

from appliance.foundation.errors import Unavailable
from appliance.foundation.outbound import Outbound
from appliance.foundation.settings import AlertReceiver, Settings
from appliance.integrations.alert_secrets import secret
from appliance.integrations.alert_words import headline
from appliance.support.alerting import Notification

SIGNATURE = "X-XDR-Signature"


class Posting:
    """
    Implements `support.notifying.Receiver`. With the credential `alerts/NAME` the body is signed by it.

    The signature is `t=SECONDS,v1=HEX`, an HMAC-SHA-256 over SECONDS, a full stop and the body; a receiver
    compares the time too, so that a message that was taken down cannot be sent again.
    """

    def __init__(self, settings: Settings, receiver: AlertReceiver) -> None:
        self._settings, self._receiver = settings, receiver

    async def tell(self, notification: Notification) -> None:
        """
        POST it; any 2xx is a receipt.

        Raises:
            Invalid, TargetRefused: The settings do not allow the address.
            Unavailable: Nobody answers, or another status.
        """
        body = msgspec.json.encode(
            {"version": 1, "text": headline(notification), **msgspec.to_builtins(notification)}
        )
        headers = {"Content-Type": "application/json", "User-Agent": "mini-xdr"}
        if key := secret(self._settings, self._receiver.name):
            headers[SIGNATURE] = signature(key, int(time.time()), body)
        outbound = Outbound.of(self._settings.outbound, most_bytes=65_536)
        try:
            answer = await outbound.request("POST", self._receiver.to, content=body, headers=headers)
        finally:
            await outbound.close()
        if not answer.is_success:
            raise Unavailable(f"{self._receiver.to} answers {answer.status_code}: {answer.text[:200]}")


def signature(key: bytes, at: int, body: bytes) -> str:
    """What the header says."""
    return f"t={at},v1={hmac.new(key, b'%d.' % at + body, hashlib.sha256).hexdigest()}"
