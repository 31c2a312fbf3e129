"""What panel says about applications and what becomes of them."""

from __future__ import annotations

import pytest

from services.panel.service.offer import Offer
from shared import catalogue
from shared.embedded import places

OFFER = Offer(
    catalogue=catalogue.load((places.ROOT / "nix/applications",)), sizes={}, machine_days=7
)


@pytest.mark.parametrize("name", ["microblog", "not-offered-any-more"])
def test_who_takes_an_application_out_is_told_how_long_its_data_is_kept(name: str) -> None:
    assert OFFER.fate_of(name) == (
        f"{name} is stopped with the next deploy. "
        "Its objects in the store are kept, unused, until the deployment is removed. "
        "Its database and files stay on its machine, unused. If nothing else is on that machine, "
        "it is switched off and removed after 7 days; added again before, "
        f"{name} goes on with them. Make a backup first if they may be wanted later."
    )


def test_nothing_is_said_of_databases_and_files_that_an_application_does_not_have() -> None:
    assert "machine" not in OFFER.fate_of("hello")


def test_an_application_that_is_not_offered_any_more_is_called_by_its_name() -> None:
    assert [OFFER.title_of(it) for it in ("hello", "gone")] == ["Hello", "gone"]
