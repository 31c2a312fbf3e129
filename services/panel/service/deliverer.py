"""Delivering: sign a parcel, send it once, and write down what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import errors

from ..domain.sentences import N_
from ..domain.signatures import SigningKeys, headers
from ..domain.webhooks import Answer

if TYPE_CHECKING:
    from shared.clock import Clock
    from shared.sealing import Unsealer

    from ..domain.webhooks import Parcel
    from ..ports.telling import WebhookSender


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Send one parcel at a time."""

    sender: WebhookSender
    unsealer: Unsealer
    clock: Clock

    async def send(self, parcel: Parcel) -> Answer:
        """Sign and send a parcel once, and return what came of it."""
        try:
            keys = [SigningKeys.of_text(self.unsealer.unseal(it)) for it in parcel.sealed_keys]
        except errors.InvalidError:
            return Answer(reason=N_("Its signing key cannot be read any more: rotate the secret."))
        message = parcel.message
        timestamp = int(self.clock.now().timestamp())
        signed = headers(keys, message.id, timestamp, message.body)
        return await self.sender.send(parcel.url, signed, message.body)
