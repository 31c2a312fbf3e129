"""Placement is a pure function of what is asked for and what there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.provisioner import policy
from services.provisioner.domain import Machine, MachineState, Placement, Size
from shared import errors
from shared.contracts.deployments import MachineRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)
LARGE = Size(cpus=4, memory_mib=4096, disk_gib=64)
ALONE = policy.machine_per_application
TOGETHER = policy.machine_per_deployment
NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)
EITHER = st.sampled_from([ALONE, TOGETHER])
PACKAGES = {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z"}


def a_request(
    application: str, *packages: str, port: int = 0, keeps_data: bool = True
) -> MachineRequest:
    return MachineRequest(
        application=application,
        cpus=1,
        memory_mib=256,
        disk_gib=4,
        http_port=port or 8000 + ord(application[0]),
        image_packages=packages,
        keeps_data=keeps_data,
    )


def assigned(
    way: policy.Policy,
    requests: Sequence[MachineRequest],
    *made: Machine,
    unmade: Sequence[Machine] = (),
) -> policy.Assignment:
    available = policy.Available(sizes=(LARGE, SMALL), machines=made)
    return policy.assign(way, available, requests, unmade)


def a_machine(placement: Placement, number: int = 1) -> Machine:
    return Machine(
        name=f"fdv-x-{number}",
        deployment="x",
        number=number,
        identity=str(number),
        state=MachineState.READY,
        placement=placement,
    )


def made(way: policy.Policy, requests: Sequence[MachineRequest]) -> list[Machine]:
    """Return the machines of a first revision."""
    return [a_machine(it, number) for number, it in enumerate(assigned(way, requests).new, 1)]


def after(machines: Sequence[Machine], found: policy.Assignment) -> list[Machine]:
    """Return the machines of a deployment when a revision has been brought to it."""
    kept = [replace(it, placement=placement) for it, placement in found.kept]
    fresh = [a_machine(it, len(machines) + n) for n, it in enumerate(found.new, 1)]
    return [*kept, *fresh]


def test_by_default_each_application_has_a_machine_of_its_own() -> None:
    placements = assigned(ALONE, [a_request("pages", "python3"), a_request("hello", "zsh")]).new

    assert [it.applications for it in placements] == [("hello",), ("pages",)]
    assert [it.image_packages for it in placements] == [("zsh",), ("python3",)]
    assert {it.size for it in placements} == {SMALL}


def test_one_machine_for_all_is_as_large_as_all_of_them_and_its_image_as_well() -> None:
    requests = [a_request("hello", "python3"), a_request("pages", "restic", "python3")]

    [placement] = assigned(TOGETHER, requests).new

    assert placement.applications == ("hello", "pages")
    assert placement.size == LARGE
    assert placement.image_packages == ("python3", "restic")


def test_what_no_size_can_hold_is_refused() -> None:
    requests = [a_request(str(number), port=9000 + number) for number in range(17)]

    with pytest.raises(errors.InvalidError) as caught:
        assigned(TOGETHER, requests)

    assert caught.value.code == "placement.too_large"


def test_two_that_answer_at_the_same_port_never_share_a_machine() -> None:
    requests = [a_request("hello", port=80), a_request("pages", port=80)]

    assert [it.applications for it in assigned(TOGETHER, requests).new] == [("hello",), ("pages",)]


def test_an_application_that_comes_joins_the_machine_whose_image_suffices() -> None:
    [machine] = made(TOGETHER, [a_request("hello", "python3")])

    found = assigned(TOGETHER, [a_request("pages"), a_request("hello", "python3")], machine)

    [(kept, placement)] = found.kept
    assert (kept, placement.applications) == (machine, ("hello", "pages"))
    assert placement.image_packages == ("python3",)
    assert not found.new


def test_an_application_that_needs_more_than_the_image_gets_another_machine() -> None:
    machines = made(TOGETHER, [a_request("hello", "python3")])
    requests = [a_request("hello", "python3"), a_request("blog", "postgresql-15", "python3")]

    found = assigned(TOGETHER, requests, *machines)

    assert found.kept == ((machines[0], machines[0].placement),)
    [placement] = found.new
    assert (placement.applications, placement.size) == (("blog",), SMALL)
    assert placement.image_packages == ("postgresql-15", "python3")


def test_one_that_comes_to_two_machines_joins_the_one_that_suffices() -> None:
    one, two = a_machine(placed("hello", "python3")), a_machine(placed("blog", "postgresql-15"), 2)
    requests = [a_request("hello"), a_request("blog"), a_request("wiki", "postgresql-15")]

    found = assigned(TOGETHER, requests, one, two)

    assert [placement.applications for _, placement in found.kept] == [("hello",), ("blog", "wiki")]


def placed(application: str, *packages: str) -> Placement:
    request = a_request(application)
    ports = {application: request.http_port}
    return Placement(ports=ports, size=SMALL, image_packages=packages)


def test_data_is_not_left_behind_on_a_machine_that_became_too_little() -> None:
    machine = a_machine(placed("blog", "python3"))

    with pytest.raises(errors.InvalidError) as caught:
        assigned(ALONE, [a_request("blog", "postgresql-15", "python3")], machine)

    assert caught.value.code == "machine.image_packages"
    assert "postgresql-15" in caught.value.message
    assert "python3" not in caught.value.message
    assert "make a backup" in caught.value.message


@pytest.mark.parametrize(
    ("keeps_data", "state"), [(False, MachineState.READY), (True, MachineState.CHANGING)]
)
def test_where_there_is_no_data_an_application_that_needs_more_moves(
    state: MachineState, *, keeps_data: bool
) -> None:
    machine = replace(a_machine(placed("hello", "python3")), state=state)

    found = assigned(ALONE, [a_request("hello", "zsh", keeps_data=keeps_data)], machine)

    assert [it.image_packages for it in found.new] == [("zsh",)]
    assert found.surplus == (machine,)


def kept(machine: Machine) -> Machine:
    until = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    return replace(machine, state=MachineState.KEPT, kept_until=until)


@pytest.mark.parametrize("way", [ALONE, TOGETHER])
def test_an_application_returns_to_the_machine_that_was_kept_for_it(way: policy.Policy) -> None:
    one, two = a_machine(placed("hello", "x")), kept(a_machine(placed("blog", "x", "y"), 2))

    found = assigned(way, [a_request("hello"), a_request("blog", "x")], one, two)

    assert [(it.name, placement.applications) for it, placement in found.kept] == [
        (one.name, ("hello",)),
        (two.name, ("blog",)),
    ]
    assert not found.new


@pytest.mark.parametrize("way", [ALONE, TOGETHER])
def test_a_machine_that_is_kept_for_another_is_joined_by_nobody(way: policy.Policy) -> None:
    waiting = kept(a_machine(placed("blog", "x")))

    found = assigned(way, [a_request("wiki", "x")], waiting)

    assert [it.applications for it in found.new] == [("wiki",)]
    assert found.surplus == (waiting,)


def test_what_is_kept_is_not_left_behind_and_the_refusal_says_until_when() -> None:
    waiting = kept(a_machine(placed("blog", "python3")))

    with pytest.raises(errors.InvalidError) as caught:
        assigned(ALONE, [a_request("blog", "postgresql-15", "python3")], waiting)

    assert caught.value.code == "machine.image_packages"
    assert "the version that it had" in caught.value.message
    assert "after 2026-11-28 09:30 UTC" in caught.value.message


def test_an_application_without_data_leaves_a_kept_machine_that_is_too_little() -> None:
    waiting = kept(a_machine(placed("hello", "python3")))

    found = assigned(ALONE, [a_request("hello", "zsh", keeps_data=False)], waiting)

    assert [it.image_packages for it in found.new] == [("zsh",)]


def test_a_machine_does_not_shrink_for_one_that_leaves() -> None:
    [machine] = made(TOGETHER, [a_request("hello"), a_request("pages")])

    [(_, placement)] = assigned(TOGETHER, [a_request("hello")], machine).kept

    assert (placement.applications, placement.size) == (("hello",), LARGE)


def test_a_machine_that_grows_keeps_a_disk_that_nobody_offers_any_more() -> None:
    odd = replace(placed("hello"), size=Size(cpus=1, memory_mib=256, disk_gib=99))

    found = assigned(TOGETHER, [a_request("hello"), a_request("pages")], a_machine(odd))

    [(_, placement)] = found.kept
    assert placement.size == replace(LARGE, disk_gib=99)


def test_those_that_share_a_machine_stay_together_whatever_the_policy_is_by_now() -> None:
    [machine] = made(TOGETHER, [a_request("hello"), a_request("pages")])
    requests = [a_request("hello"), a_request("pages"), a_request("blog")]

    found = assigned(ALONE, requests, machine)

    assert [placement.applications for _, placement in found.kept] == [("hello", "pages")]
    assert [it.applications for it in found.new] == [("blog",)]


def test_a_machine_that_was_only_written_down_becomes_what_is_asked_for_now() -> None:
    written = replace(a_machine(placed("hello", "zsh"), 2), state=MachineState.RESERVED)

    found = assigned(TOGETHER, [a_request("hello", "python3")], unmade=[written])

    [(machine, placement)] = found.kept
    assert (machine, placement.image_packages) == (written, ("python3",))


@given(names=NAMES, way=EITHER)
def test_every_application_is_placed_exactly_once(names: list[str], way: policy.Policy) -> None:
    placements = assigned(way, [a_request(it) for it in names]).new

    placed = [application for it in placements for application in it.applications]
    assert sorted(placed) == sorted(names)


@given(before=NAMES, now=NAMES, way=EITHER)
def test_applications_stay_on_their_machines_and_images_suffice(
    before: list[str], now: list[str], way: policy.Policy
) -> None:
    machines = made(way, requests_for(before))

    found = assigned(way, requests_for(now), *machines)

    homes = {name: it.name for it in machines for name in it.placement.ports}
    for machine, placement in found.kept:
        assert {homes.get(it, machine.name) for it in placement.ports} == {machine.name}
    placements = [placement for _, placement in found.kept] + [*found.new]
    assert sorted(name for it in placements for name in it.ports) == sorted(now)
    for it in placements:
        assert {PACKAGES.get(name, "x") for name in it.ports} <= {*it.image_packages}
    assert {it.name for it in found.surplus} == {it.name for it in machines} - {
        machine.name for machine, _ in found.kept
    }


@given(revisions=st.lists(NAMES, min_size=1, max_size=4), way=EITHER)
def test_the_same_again_changes_nothing(revisions: list[list[str]], way: policy.Policy) -> None:
    machines: list[Machine] = []
    for names in revisions:
        machines = after(machines, assigned(way, requests_for(names), *machines))

    again = assigned(way, requests_for(revisions[-1]), *machines)

    assert {it.name: it.placement for it in machines} == {
        machine.name: placement for machine, placement in again.kept
    }
    assert not again.new
    assert not again.surplus


def requests_for(names: Sequence[str]) -> list[MachineRequest]:
    return [a_request(it, PACKAGES.get(it, "x")) for it in names]
