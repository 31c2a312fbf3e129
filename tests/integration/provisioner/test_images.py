"""Guest images: built once, as a whole or not at all; and what the kernel in one proves."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.provisioner.adapters.qemu import Images, acceleration, images
from shared import errors
from tests.support.backends import NIX, PACKAGES, hosting

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.provisioner.ports import Image

BUILD = """#!/bin/sh
echo built >> "$(dirname "$0")/../log"
sleep 0.3
[ ! -e "$(dirname "$0")/../broken" ] || { echo "no mirror" >&2; exit 1; }
echo "$2 $3" > "$1/image.qcow2"
touch "$1/kernel" "$1/initrd"
"""


@pytest.fixture
def workshop(tmp_path: Path) -> Images:
    """Return images whose build takes no time."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "build.sh").write_text(BUILD)
    (scripts / "build.sh").chmod(0o755)
    shutil.copytree(NIX / "standalone", tmp_path / "nix" / "standalone")
    shutil.copytree(NIX / "lib", tmp_path / "nix" / "lib")
    return Images(cache=tmp_path / "cache", scripts=scripts, system=tmp_path / "nix" / "standalone")


def builds(workshop: Images) -> int:
    log = workshop.scripts.parent / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_image_is_named_by_what_goes_into_it(workshop: Images) -> None:
    plain = workshop.named(["python3", "restic"])

    assert workshop.named(["restic", "python3", "restic"]) == plain
    assert workshop.named(["python3"]).key != plain.key
    assert replace(workshop, suite="trixie").named(plain.packages).key != plain.key
    (workshop.scripts / "build.sh").write_text(f"{BUILD}# changed\n")
    assert workshop.named(plain.packages).key != plain.key
    (workshop.scripts / "build.sh").write_text(BUILD)
    assert workshop.named(plain.packages).key == plain.key
    (workshop.system / "units.nix").write_text("{ }")
    assert workshop.named(plain.packages).key != plain.key


async def test_several_who_want_an_image_build_it_once(workshop: Images) -> None:
    found = await asyncio.gather(*(workshop.ensure(["python3"]) for _ in range(3)))
    await workshop.ensure(["python3"])

    assert len({it.key for it in found}) == 1
    assert builds(workshop) == 1
    folder = workshop.folder(found[0])
    assert {it.name for it in folder.iterdir()} == {*images.PARTS, images.RECIPE}
    assert "python3" in (folder / images.DISK).read_text()


async def test_a_failed_build_says_why_and_leaves_nothing_half_done(workshop: Images) -> None:
    broken = workshop.scripts.parent / "broken"
    broken.touch()

    with pytest.raises(errors.CommandError) as caught:
        await workshop.ensure(["python3"])
    left = [it for it in (workshop.cache / "images").iterdir() if it.is_dir()]
    broken.unlink()
    await workshop.ensure(["python3"])

    assert "no mirror" in caught.value.in_full
    assert left == []


async def test_what_a_killed_build_left_is_cleared(workshop: Images) -> None:
    key = workshop.named(["python3"]).key
    left = workshop.cache / "images" / f".{key}.left"
    (left / "system/nix/store/x").mkdir(parents=True)
    (left / "system/nix/store/x").chmod(0o555)

    await workshop.ensure(["python3"])

    assert not left.exists()


async def test_forgotten_images_are_built_anew(workshop: Images) -> None:
    await workshop.ensure(["python3"])

    workshop.forget()
    await workshop.ensure(["python3"])

    assert builds(workshop) == 2


async def of_recipe(workshop: Images, number: int, packages: Sequence[str] = ("python3",)) -> Image:
    """Have an image built by so many-th recipe, which is the current one from now on."""
    (workshop.scripts / "build.sh").write_text(f"{BUILD}# {number}\n")
    return await workshop.ensure(packages)


def cached(workshop: Images) -> set[str]:
    return {it.name for it in (workshop.cache / "images").iterdir() if it.is_dir()}


async def test_images_of_earlier_recipes_are_dropped_but_for_the_newest_and_those_in_use(
    workshop: Images,
) -> None:
    used = await of_recipe(workshop, 1)
    old = [await of_recipe(workshop, number) for number in (2, 3, 4)]
    other = await of_recipe(workshop, 5, ["restic"])
    current = await workshop.ensure(["python3"])

    dropped = await workshop.prune({used.key})

    assert list(dropped) == [old[0].key]
    assert cached(workshop) == {it.key for it in (used, *old[1:], other, current)}
    assert list(await workshop.prune({used.key})) == []


async def test_an_image_that_is_wanted_again_counts_as_new(workshop: Images) -> None:
    old = [await of_recipe(workshop, number) for number in (1, 2, 3)]
    await of_recipe(workshop, 1)
    await of_recipe(workshop, 4)

    assert list(await workshop.prune(set())) == [old[1].key]


async def test_an_image_that_a_machine_is_being_made_from_is_not_dropped(
    workshop: Images,
) -> None:
    old = await of_recipe(workshop, 1)
    for number in (2, 3, 4):
        await of_recipe(workshop, number)

    async with workshop.held(old) as folder:
        assert list(await workshop.prune(set())) == []
        assert {it.name for it in folder.iterdir()} >= {*images.PARTS}

    assert list(await workshop.prune(set())) == [old.key]
    with pytest.raises(errors.NotFoundError) as caught:
        async with workshop.held(old):
            pass
    assert caught.value.code == "machine.image_gone"


async def test_a_probe_boots_linux_or_says_no_in_time(data_directory: Path) -> None:
    async with hosting(data_directory) as backend:
        folder = backend.images.folder(backend.images.named(PACKAGES))

        assert await acceleration.proves("tcg", folder, 120.0)

        begun = asyncio.get_running_loop().time()
        works = acceleration.may_work() and await acceleration.proves("kvm", folder)
        assert asyncio.get_running_loop().time() - begun < acceleration.PROBE_SECONDS + 10
        verdicts = data_directory / "verdicts.json"
        assert await acceleration.choose(folder, verdicts) == ("kvm" if works else "tcg")
        assert verdicts.exists() == acceleration.may_work()


async def test_a_verdict_is_asked_for_once(data_directory: Path) -> None:
    async with hosting(data_directory) as backend:
        folder = backend.images.folder(backend.images.named(PACKAGES))
        verdicts = data_directory / "verdicts.json"
        first = await acceleration.choose(folder, verdicts)
        seen = verdicts.read_text() if verdicts.exists() else ""

        assert await acceleration.choose(folder, verdicts) == first
        assert (verdicts.read_text() if verdicts.exists() else "") == seen
