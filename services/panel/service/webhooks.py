"""Webhooks: operators say where happenings are sent, see how that went, and send again.

Whoever may not change an endpoint does not see it: its URL may hold a secret of the receiver.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from shared import errors, ids
from shared.contracts.happenings import HappeningType

from ..domain import happenings
from ..domain.identity import Scope
from ..domain.kept_sentences import NOT_SENT
from ..domain.records import Deed
from ..domain.refusals import TooManyAtOnceError, require_expected
from ..domain.sentences import N_, say, together
from ..domain.signatures import SigningKeys
from ..domain.webhooks import (
    MOST_ENDPOINTS,
    MOST_OLD_KEYS,
    MOST_TESTS,
    MOST_WAITING,
    USUAL_TYPES,
    Answer,
    Delivery,
    DeliveryState,
    Endpoint,
    KnownKey,
    Parcel,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from shared.clock import Clock
    from shared.database import Database, Transaction
    from shared.sealing import Sealer

    from ..domain.identity import Caller
    from ..domain.reachable import ReachRules
    from ..domain.records import Page
    from ..domain.webhooks import Message
    from ..ports import AuditTrail
    from ..ports.telling import DeliveryQueue, EndpointRegister
    from .deliverer import Deliverer
    from .happenings import Happenings

OWN: Final = "panel"
"""To whom the keys are sealed."""
TEST_LEASE_SECONDS: Final = 60.0
LONGEST_OVERLAP: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWish:
    """An endpoint as an operator asks for it; None leaves a thing as it is."""

    url: str | None = None
    description: str | None = None
    types: frozenset[HappeningType] | None = None
    is_enabled: bool | None = None
    expected: Collection[int] | None = None
    """The versions that may be changed; None for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEndpoint:
    """An endpoint and the keys that are good now, the newest first."""

    endpoint: Endpoint
    keys: Sequence[KnownKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """An endpoint with a secret that nobody is told again."""

    known: KnownEndpoint
    secret: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Let operators have happenings sent to their own programs."""

    database: Database
    endpoints: EndpointRegister
    deliveries: DeliveryQueue
    happenings: Happenings
    deliverer: Deliverer
    rules: ReachRules
    sealer: Sealer
    audit: AuditTrail
    clock: Clock
    tests: Counter[str] = field(default_factory=Counter)
    """How many each operator has under way in this process."""

    def require(self, caller: Caller) -> None:
        """Raise ForbiddenError unless the caller may change endpoints."""
        caller.require(Scope.WRITE)

    async def create(self, tx: Transaction, caller: Caller, wish: EndpointWish) -> NewSecret:
        """Make an endpoint, and return its secret for the only time.

        Raises:
            QuotaExceededError: the operator has as many as there may be.
        """
        caller.require(Scope.WRITE)
        known = await self.endpoints.list_all(tx, caller.operator, is_exclusive=True)
        if len(known) >= MOST_ENDPOINTS:
            raise errors.QuotaExceededError(
                "webhook.too_many",
                say(
                    "There are {count} endpoints already, and there may be {most} at most. Remove "
                    "one that is no longer needed.",
                    count=len(known),
                    most=MOST_ENDPOINTS,
                ),
            )
        endpoint = Endpoint(
            id=ids.new_id(),
            operator=caller.operator,
            url=self.rules.check_url(wish.url or "").url,
            description=wish.description or "",
            types=wish.types or USUAL_TYPES,
            created_at=self.clock.now(),
        )
        await self.endpoints.add(tx, endpoint)
        secret = await self._new_key(tx, endpoint)
        await self._write_down(tx, caller, "webhook.created", endpoint)
        return NewSecret(known=await self._known(tx, endpoint), secret=secret)

    async def list_endpoints(self, tx: Transaction, caller: Caller) -> Sequence[KnownEndpoint]:
        """Return the operator's endpoints, newest first."""
        caller.require(Scope.WRITE)
        found = await self.endpoints.list_all(tx, caller.operator)
        return [await self._known(tx, it) for it in found]

    async def get(self, tx: Transaction, caller: Caller, endpoint: str) -> KnownEndpoint:
        """Return an endpoint of the operator."""
        caller.require(Scope.WRITE)
        found = _owned(await self.endpoints.find(tx, endpoint), caller)
        return await self._known(tx, found)

    async def change(
        self, tx: Transaction, caller: Caller, endpoint: str, wish: EndpointWish
    ) -> KnownEndpoint:
        """Change what a wish names; an endpoint that is enabled begins with a clean sheet.

        Raises:
            StaleError: the endpoint is none of the versions that the wish is about.
        """
        found = await self._lock(tx, caller, endpoint)
        require_expected(found.version, wish.expected, what="endpoint")
        changed = replace(
            found,
            url=found.url if wish.url is None else self.rules.check_url(wish.url).url,
            description=found.description if wish.description is None else wish.description,
            types=wish.types or found.types,
        )
        if wish.is_enabled and not found.is_enabled:
            changed = changed.enabled()
        if changed != found:
            changed = replace(changed, version=found.version + 1)
        if wish.is_enabled is False and found.is_enabled:
            changed = changed.disabled(self.clock.now(), N_("A person switched it off."))
            await self._give_up(tx, changed)
        if changed != found:
            await self.endpoints.save(tx, changed)
            await self._write_down(tx, caller, "webhook.changed", changed)
        return await self._known(tx, changed)

    async def remove(self, tx: Transaction, caller: Caller, endpoint: str) -> None:
        """Remove an endpoint, with everything that waits to be sent there."""
        found = await self._lock(tx, caller, endpoint)
        await self.endpoints.remove(tx, found.id)
        await self._write_down(tx, caller, "webhook.removed", found)

    async def rotate(
        self, tx: Transaction, caller: Caller, endpoint: str, overlap: timedelta
    ) -> NewSecret:
        """Make a new secret; what is sent is signed with the old ones as well for a while.

        One that was to end sooner still does: a receiver may not have changed over yet.

        Raises:
            QuotaExceededError: too many old secrets would be good.
        """
        found = await self._lock(tx, caller, endpoint)
        now = self.clock.now()
        await self.endpoints.retire_keys(tx, found.id, now, now + min(overlap, LONGEST_OVERLAP))
        if len(await self.endpoints.list_keys(tx, found.id, now)) > MOST_OLD_KEYS:
            raise errors.QuotaExceededError(
                "webhook.too_many_secrets",
                say(
                    "{most} old secrets of this endpoint are still good, and there may be no more. "
                    "Wait until one of them has ended.",
                    most=MOST_OLD_KEYS,
                ),
            )
        secret = await self._new_key(tx, found)
        await self._write_down(tx, caller, "webhook.rotated", found)
        return NewSecret(known=await self._known(tx, found), secret=secret)

    async def list_deliveries(
        self, tx: Transaction, caller: Caller, endpoint: str, page: Page
    ) -> Sequence[Delivery]:
        """Return the deliveries of an endpoint, newest first."""
        known = await self.get(tx, caller, endpoint)
        return await self.deliveries.list_newest(tx, known.endpoint.id, page)

    async def get_delivery(
        self, tx: Transaction, caller: Caller, endpoint: str, delivery: str
    ) -> tuple[Delivery, Message]:
        """Return a delivery of an endpoint, and the message that it carries."""
        await self.get(tx, caller, endpoint)
        return await self._delivery(tx, endpoint, delivery)

    async def resend(
        self, tx: Transaction, caller: Caller, endpoint: str, delivery: str
    ) -> Delivery:
        """Send a message again, as a delivery of its own under the same `webhook-id`.

        Raises:
            QuotaExceededError: too many wait for the endpoint already.
        """
        found = await self._lock(tx, caller, endpoint)
        found.require_enabled()
        if await self.deliveries.count_waiting(tx, found.id) >= MOST_WAITING:
            raise errors.QuotaExceededError(
                "webhook.too_many_waiting",
                say(
                    "{most} deliveries to this endpoint wait already. Send this one again when "
                    "there are fewer.",
                    most=MOST_WAITING,
                ),
            )
        _, message = await self._delivery(tx, endpoint, delivery)
        again = _begun(found, message, self.clock.now(), attempt=0)
        await self.deliveries.add(tx, again)
        await self._write_down(tx, caller, "webhook.resent", found)
        tx.after_commit(self.happenings.nudge)
        return again

    async def test(self, caller: Caller, endpoint: str) -> Delivery:
        """Send a message at once, also to a disabled endpoint, and return what came of it.

        Raises:
            TooManyAtOnceError: other tests of the operator have not ended yet.
        """
        if self.tests[caller.operator] >= MOST_TESTS:
            raise TooManyAtOnceError(
                "webhook.too_many_tests",
                N_("Other tests are under way. Wait until they have ended, then try again."),
            )
        self.tests[caller.operator] += 1
        try:
            return await self._test(caller, endpoint)
        finally:
            self.tests[caller.operator] -= 1

    async def _test(self, caller: Caller, endpoint: str) -> Delivery:
        async with self.database.transaction() as tx:
            found = await self._lock(tx, caller, endpoint)
            now = self.clock.now()
            happening = happenings.of_endpoint(HappeningType.TEST, found)
            message = await self.happenings.add_message(tx, happening, now)
            delivery = _begun(found, message, now, attempt=1)
            await self.deliveries.add(tx, delivery, TEST_LEASE_SECONDS)
            await self._write_down(tx, caller, "webhook.tested", found)
            keys = await self.endpoints.list_keys(tx, found.id, now)
        sealed = tuple(it.sealed for it in keys)
        parcel = Parcel(
            delivery=delivery,
            message=message,
            operator=found.operator,
            url=found.url,
            sealed_keys=sealed,
        )
        answer = await self.deliverer.send(parcel)
        state = DeliveryState.DELIVERED if answer.is_success else DeliveryState.FAILED
        ended = replace(
            delivery, state=state, next_at=None, last_at=self.clock.now(), answer=answer
        )
        async with self.database.transaction() as tx:
            await self.deliveries.conclude(tx, ended)
        return ended

    async def disable(self, tx: Transaction, endpoint: Endpoint, reason: str) -> None:
        """Send nothing more to an endpoint, which the caller has locked, and tell people so."""
        changed = endpoint.disabled(self.clock.now(), reason)
        await self.endpoints.save(tx, changed)
        await self._give_up(tx, changed)
        deed = Deed("webhook.disabled", endpoint.id, {"reason": reason})
        await self.audit.record(tx, None, deed)
        await self.happenings.tell(
            tx, happenings.of_endpoint(HappeningType.ENDPOINT_DISABLED, changed)
        )

    async def _lock(self, tx: Transaction, caller: Caller, endpoint: str) -> Endpoint:
        caller.require(Scope.WRITE)
        return _owned(await self.endpoints.lock(tx, endpoint), caller)

    async def _delivery(
        self, tx: Transaction, endpoint: str, delivery: str
    ) -> tuple[Delivery, Message]:
        found = await self.deliveries.find(tx, delivery)
        if found is not None and found.endpoint == endpoint:
            message = await self.deliveries.find_message(tx, found.message)
            if message is not None:
                return found, message
        raise errors.NotFoundError("delivery.not_found", "There is no such delivery.")

    async def _known(self, tx: Transaction, endpoint: Endpoint) -> KnownEndpoint:
        keys = await self.endpoints.list_keys(tx, endpoint.id, self.clock.now())
        return KnownEndpoint(endpoint=endpoint, keys=keys)

    async def _new_key(self, tx: Transaction, endpoint: Endpoint) -> SecretStr:
        keys = SigningKeys.new()
        key = KnownKey(
            id=ids.new_id(),
            sealed=self.sealer.seal(OWN, keys.as_text()),
            public_key=keys.public_key,
            created_at=self.clock.now(),
        )
        await self.endpoints.add_key(tx, endpoint.id, key)
        return keys.secret

    async def _give_up(self, tx: Transaction, endpoint: Endpoint) -> None:
        why = together([endpoint.disabled_reason])
        answer = Answer(reason=say(NOT_SENT, why=why))
        await self.deliveries.give_up(tx, endpoint.id, answer)

    async def _write_down(
        self, tx: Transaction, caller: Caller, action: str, endpoint: Endpoint
    ) -> None:
        await self.audit.record(tx, caller, Deed(action, endpoint.id, {"url": endpoint.origin}))


def _owned(endpoint: Endpoint | None, caller: Caller) -> Endpoint:
    if endpoint is None or endpoint.operator != caller.operator:
        raise errors.NotFoundError("webhook.not_found", "There is no such endpoint.")
    return endpoint


def _begun(endpoint: Endpoint, message: Message, now: datetime, *, attempt: int) -> Delivery:
    return Delivery(
        id=ids.new_id(),
        endpoint=endpoint.id,
        message=message.id,
        type=message.type,
        state=DeliveryState.WAITING,
        attempt=attempt,
        created_at=now,
        next_at=now,
    )
