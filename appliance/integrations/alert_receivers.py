"""From the settings' receivers to those who tell them."""

from appliance.foundation.errors import Invalid
from appliance.foundation.settings import AlertReceiver, Settings
from appliance.integrations.smtp.alert_mail import AlertMail
from appliance.integrations.snmp.traps import Traps
from appliance.integrations.syslog.alert_lines import AlertLines
from appliance.integrations.webhook.posting import Posting
from appliance.support.alerting import Notification
from appliance.support.notifying import Receiver


def receivers(settings: Settings) -> dict[str, Receiver]:
    """
    All of them, by name. One that cannot be used as it is set says so whenever it should tell.
    """
    found: dict[str, Receiver] = {}
    for receiver in settings.alerts.receivers:
        try:
            found[receiver.name] = _made(settings, receiver)
        except Invalid as error:
            found[receiver.name] = Unusable(error)
    return found


class Unusable:
    """Implements `support.notifying.Receiver` by saying why it cannot."""

    def __init__(self, cause: Invalid) -> None:
        self._cause = cause

    async def tell(self, _notification: Notification) -> None:
        """
        Raises:
            Invalid: Always.
        """
        raise self._cause


def _made(settings: Settings, receiver: AlertReceiver) -> Receiver:
    match receiver.kind:
        case "mail":
            return AlertMail(settings, receiver)
        case "syslog":
            return AlertLines(receiver, settings.node)
        case "webhook":
            return Posting(settings, receiver)
        case "snmp":
            return Traps(settings, receiver)
