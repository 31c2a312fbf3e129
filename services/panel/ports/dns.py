"""What panel needs to know about domains: whose they are, and what the world says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from shared.database import Transaction

    from ..domain.dns import Check, RecordType, Seen
    from ..domain.domain_watch import Watch
    from ..domain.records import NamePage


class NameServers(Protocol):
    """Ask the servers of the world about names."""

    async def ask(self, name: str, kind: RecordType) -> Sequence[Seen]:
        """Return what the name's own servers and those that others ask say, each for itself.

        A server that does not answer is one of the answers.
        """
        ...


class DomainRegister(Protocol):
    """Know the domains of operators, and what was found when somebody looked."""

    async def list_names(self, tx: Transaction, operator: str, page: NamePage) -> Sequence[str]:
        """Return the domains of an operator, by name."""
        ...

    async def find_owner(self, tx: Transaction, name: str) -> str | None:
        """Return the operator whose domain this is, or None."""
        ...

    async def find_checks(self, tx: Transaction, names: Sequence[str]) -> Mapping[str, Check]:
        """Return what was found last of each domain."""
        ...

    async def keep_check(self, tx: Transaction, name: str, check: Check) -> None:
        """Keep what was found; a domain that is given up meanwhile is no mistake."""
        ...

    async def list_deployments(self, tx: Transaction, operator: str, name: str) -> Sequence[str]:
        """Return the deployments of an operator on a domain that are not removed."""
        ...

    async def claim_due(
        self, tx: Transaction, now: datetime, until: datetime, most: int
    ) -> Sequence[Watch]:
        """Take the domains that are due for a look; nobody else gets them until then."""
        ...

    async def lock_watch(self, tx: Transaction, name: str) -> Watch | None:
        """Return the watch over a domain, which nobody else changes meanwhile, or None."""
        ...

    async def keep_watch(self, tx: Transaction, watch: Watch, next_at: datetime) -> None:
        """Keep what is known of a domain's records, and when to look again."""
        ...
