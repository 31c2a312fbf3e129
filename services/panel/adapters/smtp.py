"""Mails to a relay by SMTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, Literal

import aiosmtplib

from shared import clock, errors

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ..domain.mails import Mail

PERMANENT: Final = range(500, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where mails are handed over, and how."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str
    password: SecretStr | None
    sender: str
    """Address in From."""
    sender_name: str
    timeout_seconds: float


class SmtpMailer:
    """Hand mails to the hosting provider's relay."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def send(self, mail: Mail) -> None:
        """Hand over a mail.

        Raises:
            UnavailableError: the relay could not take it now.
            InvalidError: it will never be taken.
        """
        try:
            message = self._message(mail)
        except (MessageError, ValueError) as error:
            raise errors.InvalidError("mail.unwritable", f"Not an address: {error}") from error
        try:
            async with asyncio.timeout(self._relay.timeout_seconds):
                await self._hand_over(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [it.code for it in error.recipients]
            raise _refusal(max(codes, default=0), "its recipient") from error
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise errors.UnavailableError(
                "mail.no_relay", f"The relay does not answer ({type(error).__name__})."
            ) from error

    async def _hand_over(self, message: EmailMessage) -> None:
        relay = self._relay
        await aiosmtplib.send(
            message,
            hostname=relay.host,
            port=relay.port,
            username=relay.user or None,
            password=relay.password.get_secret_value() if relay.password else None,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            timeout=relay.timeout_seconds,
        )

    def _message(self, mail: Mail) -> EmailMessage:
        message = EmailMessage()
        message["From"] = Address(self._relay.sender_name, addr_spec=self._relay.sender)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(clock.system.now())
        message["Message-ID"] = mail.message_id
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def _refusal(code: int, reason: str) -> errors.HostingError:
    said = f"The relay refused it ({code}): {reason}"
    if code in PERMANENT:
        return errors.InvalidError("mail.refused", said)
    return errors.UnavailableError("mail.postponed", said)
