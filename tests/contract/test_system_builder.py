"""What every builder of systems promises: the one in memory and Nix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.deployer.adapters.nix import Nix, NixSystemBuilder
from shared import errors
from tests.support.deployments import a_machine, a_renderer, a_revision, a_wish
from tests.support.fakes.system_builder import FakeSystemBuilder
from tests.support.servers import require
from tests.support.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from services.deployer.ports import SystemBuilder

NAME = a_machine().machine


@pytest.fixture(params=["fake", "nix"])
def builder(request: pytest.FixtureRequest, tmp_path: Path) -> SystemBuilder:
    if request.param == "fake":
        return FakeSystemBuilder()
    require("nix-build", "nix-bin")
    return NixSystemBuilder(
        nix=Nix.usual(tmp_path), expression=ROOT / "nix/standalone", work_directory=tmp_path
    )


def arguments(title: str = "Hello") -> str:
    revision = a_revision(wish=a_wish(options={"title": title}))
    return a_renderer().arguments(revision, a_machine(), ())


async def test_the_same_arguments_give_the_same_system(builder: SystemBuilder) -> None:
    first = await builder.build(NAME, arguments())
    second = await builder.build(NAME, arguments())

    assert first == second
    assert first.startswith("/nix/store/")


async def test_other_arguments_give_another_system(builder: SystemBuilder) -> None:
    assert await builder.build(NAME, arguments()) != await builder.build(NAME, arguments("Other"))


async def test_arguments_that_are_none_are_refused(builder: SystemBuilder) -> None:
    with pytest.raises(errors.CommandError):
        await builder.build(NAME, "not arguments")


async def test_what_was_discarded_can_be_built_again(builder: SystemBuilder) -> None:
    first = await builder.build(NAME, arguments())
    await builder.discard(NAME)
    await builder.discard(NAME)

    assert await builder.build(NAME, arguments()) == first


async def test_nix_keeps_a_system_rooted_until_it_is_discarded(tmp_path: Path) -> None:
    require("nix-build", "nix-bin")
    builder = NixSystemBuilder(
        nix=Nix.usual(tmp_path), expression=ROOT / "nix/standalone", work_directory=tmp_path
    )

    system = await builder.build(NAME, arguments())
    link = tmp_path / "systems" / NAME
    assert str(link.readlink()) == system

    await builder.discard(NAME)
    assert not link.is_symlink()
