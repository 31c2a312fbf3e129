"""Telling: whatever happens is written in its own transaction, for all whom it concerns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from shared import ids
from shared.contracts.happenings import HappeningType, shape

from ..domain import happenings
from ..domain.webhooks import Delivery, DeliveryState, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from shared.clock import Clock
    from shared.database import Transaction

    from ..domain.backups import Backup
    from ..domain.deployments import Deployment
    from ..domain.happenings import Happening
    from ..domain.runs import Run, RunStep
    from ..ports import DeploymentRegister
    from ..ports.telling import DeliveryQueue, EndpointRegister, NotificationRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """Tell people and programs what happened."""

    deployments: DeploymentRegister
    endpoints: EndpointRegister
    deliveries: DeliveryQueue
    notifications: NotificationRegister
    clock: Clock
    sends_mail: bool
    nudge: Callable[[], None]
    """Called after a commit that left something to deliver."""

    async def tell_of_run(self, tx: Transaction, run: Run, step: RunStep | None = None) -> None:
        """Tell that a run has come into its state, or what became of one of its steps."""
        kind = HappeningType.RUN_STEP if step else happenings.RUN_TYPES.get(run.state)
        if kind is None:
            return
        listening = await self._listening(tx, run.operator, kind)
        if not listening and happenings.topic_of(kind) is None:
            return
        deployment = await self.deployments.find(tx, run.deployment)
        domain = deployment.domain if deployment else ""
        await self._tell(tx, happenings.of_run(kind, run, domain, step), listening)

    async def tell_of_deployment(
        self, tx: Transaction, kind: HappeningType, deployment: Deployment
    ) -> None:
        """Tell what became of a deployment."""
        await self.tell(tx, happenings.of_deployment(kind, deployment))

    async def tell_of_backup(self, tx: Transaction, kind: HappeningType, backup: Backup) -> None:
        """Tell what became of a backup."""
        await self.tell(tx, happenings.of_backup(kind, backup))

    async def tell(self, tx: Transaction, happening: Happening) -> None:
        """Tell whoever wants to know."""
        await self._tell(
            tx, happening, await self._listening(tx, happening.operator, happening.type)
        )

    async def add_message(self, tx: Transaction, happening: Happening, at: datetime) -> Message:
        """Keep a happening as a message that can be sent."""
        sequence = await self.deliveries.next_sequence(tx, happening.object)
        message = Message(id=ids.new_id(), type=happening.type, body=_body(happening, sequence, at))
        await self.deliveries.add_message(tx, happening.operator, message, at)
        return message

    async def _listening(
        self, tx: Transaction, operator: str, kind: HappeningType
    ) -> Sequence[str]:
        return await self.endpoints.list_listening(tx, operator, kind)

    async def _tell(self, tx: Transaction, happening: Happening, listening: Sequence[str]) -> None:
        at = self.clock.now()
        if listening:
            message = await self.add_message(tx, happening, at)
            for endpoint in listening:
                await self.deliveries.add(tx, _waiting(message, endpoint, at))
        told = await self._notify(tx, happening, at)
        if listening or told:
            tx.after_commit(self.nudge)

    async def _notify(self, tx: Transaction, happening: Happening, at: datetime) -> bool:
        topic = happenings.topic_of(happening.type)
        if topic is None:
            return False
        found = await self.notifications.list_readers(tx, happening.operator, topic)
        readers = [it.without_mail() if not self.sends_mail else it for it in found]
        wanting = [it for it in readers if it.in_bell or it.by_email]
        if wanting:
            await self.notifications.add(tx, happening, wanting, at)
        return bool(wanting)


def _waiting(message: Message, endpoint: str, at: datetime) -> Delivery:
    return Delivery(
        id=ids.new_id(),
        endpoint=endpoint,
        message=message.id,
        type=message.type,
        state=DeliveryState.WAITING,
        attempt=0,
        created_at=at,
        next_at=at,
    )


def _body(happening: Happening, sequence: int, at: datetime) -> bytes:
    body = shape(happening.type).model_validate(
        {
            "type": happening.type,
            "timestamp": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "sequence": sequence,
            "data": happening.data.model_dump(),
        }
    )
    content = body.model_dump(mode="json", exclude_none=True)
    return json.dumps(content, separators=(",", ":")).encode()
