"""The provisioner's domain: machines, addresses, routes."""

from __future__ import annotations

import pytest

from services.provisioner.domain import (
    AddressRange,
    Machine,
    MachineState,
    Media,
    Placement,
    Size,
)
from shared import errors, ids

SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)


def test_a_placement_names_its_applications_in_order() -> None:
    placement = Placement(ports={"pages": 8080, "hello": 80}, size=SMALL, image_packages=())

    assert placement.applications == ("hello", "pages")


@pytest.mark.parametrize("state", MachineState)
@pytest.mark.parametrize("ports", [{}, {"hello": 80}])
def test_only_a_machine_that_answered_with_an_application_holds_data(
    state: MachineState, ports: dict[str, int]
) -> None:
    machine = Machine(
        name="fdv-x-1",
        deployment="x",
        number=1,
        identity="1",
        state=state,
        placement=Placement(ports=ports, size=SMALL, image_packages=()),
    )

    assert machine.holds_data is (state in {"ready", "kept"} and bool(ports))


@pytest.mark.parametrize(
    ("other", "covers"),
    [
        (SMALL, True),
        (Size(cpus=1, memory_mib=128, disk_gib=1), True),
        (Size(cpus=2, memory_mib=128, disk_gib=1), False),
        (Size(cpus=1, memory_mib=257, disk_gib=1), False),
        (Size(cpus=1, memory_mib=128, disk_gib=5), False),
    ],
)
def test_a_size_covers_what_is_nowhere_larger(other: Size, *, covers: bool) -> None:
    assert SMALL.covers(other) is covers


def test_every_address_of_a_range_is_a_candidate_once() -> None:
    addresses = AddressRange(host="127.0.0.1", first=24000, last=24009)

    found = addresses.candidates("fdv-1")

    assert sorted(it.port for it in found) == list(range(24000, 24010))
    assert {it.host for it in found} == {"127.0.0.1"}


def test_machines_begin_to_look_for_an_address_at_different_places() -> None:
    addresses = AddressRange(host="127.0.0.1", first=24000, last=31999)

    firsts = {addresses.candidates(ids.machine_name(ids.new_id(), 1))[0].port for _ in range(20)}

    assert len(firsts) > 10


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8333/fdv-x-blog-media",
        "https://s3.provider.example/fdv-x-blog-media",
        "https://provider.example/objects/fdv-x-blog-media",
        "http://[fd00::1]:8333/fdv-x-blog-media",
    ],
)
def test_media_are_in_a_folder_of_a_store(url: str) -> None:
    assert Media(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8333",
        "http://127.0.0.1:8333/",
        "http://127.0.0.1:8333/bucket/",
        "http://127.0.0.1:8333/bucket//",
        "http://127.0.0.1:8333/bucket/..",
        "http://127.0.0.1:8333/../bucket",
        "http://127.0.0.1:8333/bucket?list-type=2",
        "http://127.0.0.1:8333/bucket#x",
        "http://127.0.0.1:8333/{env.HOME}",
        "http://127.0.0.1:8333/$1",
        "http://127.0.0.1:8333/bucket%2f..",
        "http://key:secret@127.0.0.1:8333/bucket",
        "unix:///run/store/bucket",
        "ftp://store.example/bucket",
        "http://127.0.0.1:8333/bucket\n",
    ],
)
def test_nothing_but_a_folder_of_a_store_is_media(url: str) -> None:
    with pytest.raises(errors.InvalidError) as caught:
        Media(url=url)

    assert caught.value.code == "route.media_url"
