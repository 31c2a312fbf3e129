"""What applications need, in words that people use."""

from __future__ import annotations

import pytest

from services.panel.service.offer import Offer
from services.panel.web.presenters import applications
from shared import catalogue
from shared.embedded import places
from shared.provider import Size

CATALOGUE = catalogue.load((places.ROOT / "nix/applications",))


@pytest.mark.parametrize(("mib", "said"), [(256, "256 MiB"), (1024, "1 GiB"), (1536, "1.5 GiB")])
def test_memory_is_said_in_the_unit_that_fits(mib: int, said: str) -> None:
    size = Size(cpus=1, memory_mib=mib, disk_gib=4)
    offer = Offer(catalogue=CATALOGUE, sizes={"small": size}, machine_days=7)

    needs = applications.needs_of(offer.choose("hello"), offer, {}, "garden.example")

    assert f"A machine with 1 processor, {said} of memory, 4 GiB of disk" in needs
