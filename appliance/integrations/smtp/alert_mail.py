"""Alerts by mail, through the site's relay."""

from appliance.foundation.errors import Invalid
from appliance.foundation.settings import AlertReceiver, Settings
from appliance.identity.mail import Message
from appliance.integrations.alert_words import headline, lines
from appliance.integrations.smtp.mailer import SMTPMailer
from appliance.support.alerting import Notification


class AlertMail:
    """
    Implements `support.notifying.Receiver`.

    Raises:
        Invalid: There is no relay, or nobody to write to.
    """

    def __init__(self, settings: Settings, receiver: AlertReceiver) -> None:
        self._to = [address.strip() for address in receiver.to.split(",") if address.strip()]
        if not settings.mail.host:
            raise Invalid(f"receiver {receiver.name} wants mail, and [mail] host is not set")
        if not self._to:
            raise Invalid(f"receiver {receiver.name} has no address to write to")
        self._mailer = SMTPMailer(settings)

    async def tell(self, notification: Notification) -> None:
        """A mail to each address; errors as in `SMTPMailer.send`."""
        text = "\n".join([*lines(notification), "", f"fingerprint {notification.fingerprint}", ""])
        for address in self._to:
            await self._mailer.send(Message(address, headline(notification), text))
