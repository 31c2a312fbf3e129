"""Certificates that visitors are shown, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typing_extensions import override

from services.deployer.ports import Certificates
from shared import errors

if TYPE_CHECKING:
    from services.deployer.domain import Certificate


@dataclass(kw_only=True)
class FakeCertificates(Certificates):
    """Shows what a test gave it; a host that is `bare` is shown none."""

    shown: dict[str, Certificate] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @override
    async def of(self, host: str) -> Certificate | None:
        self.asked.append(host)
        if host in self.bare:
            raise errors.FaultError("certificate.missing", f"visitors of {host} are shown none")
        return self.shown.get(host)
