"""
Hands mail to the site's relay (RFC 5321, RFC 3207).

The relay's certificate is verified; without TLS only a relay on this host is spoken to. One message is one
connection: mails are few, and a broken connection then harms no other.
"""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import make_msgid

from appliance.foundation.errors import Invalid, Unavailable
from appliance.foundation.settings import Mail, Settings
from appliance.identity.mail import Message

_TIMEOUT_SECONDS = 20
_THIS_HOST = ("localhost", "127.0.0.1", "::1")


class SMTPMailer:
    """
    Implements `identity.mail.Mailer`.

    Raises:
        Invalid: The settings would send mail, or a password, in the clear over a network.
    """

    def __init__(self, settings: Settings) -> None:
        self._mail, self._settings = settings.mail, settings
        if self._mail.tls not in ("starttls", "implicit", "none"):
            raise Invalid(f"[mail] tls is starttls, implicit or none, not {self._mail.tls!r}")
        if self._mail.tls == "none" and self._mail.host not in _THIS_HOST:
            raise Invalid("[mail] tls = none is for a relay on this host only; use starttls or implicit")

    async def send(self, message: Message) -> None:
        """
        Have the relay take the message.

        Raises:
            Unavailable: It did not; the queue tries again.
        """
        try:
            await asyncio.to_thread(self._send, message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(
                f"the mail relay {self._mail.host}:{self._mail.port} did not take it: {error}"
            ) from error

    def _send(self, message: Message) -> None:
        mail = self._mail
        with self._connected(mail) as relay:
            if mail.user:
                relay.login(mail.user, self._settings.credential("mail-password").decode())
            relay.send_message(_composed(mail, message))

    def _connected(self, mail: Mail) -> smtplib.SMTP:
        if mail.tls == "implicit":
            return smtplib.SMTP_SSL(mail.host, mail.port, timeout=_TIMEOUT_SECONDS, context=_context(mail))
        relay = smtplib.SMTP(mail.host, mail.port, timeout=_TIMEOUT_SECONDS)
        if mail.tls == "starttls":
            relay.starttls(context=_context(mail))
        return relay


def _context(mail: Mail) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=mail.ca_file or None)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _composed(mail: Mail, message: Message) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = mail.sender, message.to, message.subject
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers from absence assistants
    made.set_content(message.text)
    return made
