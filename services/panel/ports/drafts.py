"""What drafts need of panel's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.database import Transaction

    from ..domain.drafts import Draft


class DraftRegister(Protocol):
    """Keep drafts."""

    async def add(self, tx: Transaction, draft: Draft, *, by: str) -> None:
        """Keep a new draft."""
        ...

    async def find(self, tx: Transaction, draft: str) -> Draft | None:
        """Return a draft, or None."""
        ...

    async def lock(self, tx: Transaction, draft: str) -> Draft | None:
        """Return a draft that nobody else changes until the transaction ends, or None."""
        ...

    async def save(self, tx: Transaction, draft: Draft, *, by: str) -> None:
        """Write what can change of a draft."""
        ...

    async def remove(self, tx: Transaction, draft: str) -> None:
        """Keep nothing of a draft any more."""
        ...

    async def list_open(self, tx: Transaction, operator: str) -> Sequence[Draft]:
        """Return an operator's drafts that were not deployed, newest first."""
        ...

    async def is_domain_taken(self, tx: Transaction, operator: str, domain: str) -> bool:
        """Say whether a domain, or one above or below it, belongs to another operator."""
        ...
