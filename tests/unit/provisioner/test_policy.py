"""Placement is a pure function of what is asked for and what there is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.provisioner import policy
from services.provisioner.domain import Machine, MachineState, Placement, Size
from shared import errors
from shared.contracts.deployments import MachineRequest

SMALL = Size(cpus=1, memory_mib=256, disk_gib=4)
LARGE = Size(cpus=4, memory_mib=4096, disk_gib=64)
AVAILABLE = policy.Available(sizes=(LARGE, SMALL))
NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


def a_request(application: str, *packages: str, http_port: int = 80) -> MachineRequest:
    return MachineRequest(
        application=application,
        cpus=1,
        memory_mib=256,
        disk_gib=4,
        http_port=http_port,
        image_packages=packages,
    )


def a_machine(placement: Placement, number: int = 1) -> Machine:
    return Machine(
        name=f"fdv-x-{number}",
        deployment="x",
        number=number,
        identity=str(number),
        state=MachineState.READY,
        placement=placement,
    )


def test_by_default_each_application_has_a_machine_of_its_own() -> None:
    placements = policy.machine_per_application(
        AVAILABLE, [a_request("pages", "python3"), a_request("hello", "python3")]
    )

    assert [it.applications for it in placements] == [("hello",), ("pages",)]
    assert {it.size for it in placements} == {SMALL}


def test_one_machine_for_all_is_as_large_as_all_of_them() -> None:
    [placement] = policy.machine_per_deployment(
        AVAILABLE, [a_request("hello", "python3"), a_request("pages", "restic", "python3")]
    )

    assert placement.applications == ("hello", "pages")
    assert placement.size == LARGE
    assert placement.image_packages == ("python3", "restic")


def test_what_no_size_can_hold_is_refused() -> None:
    requests = [a_request(str(number)) for number in range(17)]

    with pytest.raises(errors.InvalidError) as caught:
        policy.machine_per_deployment(AVAILABLE, requests)

    assert caught.value.code == "placement.too_large"


def test_two_web_servers_do_not_share_a_machine() -> None:
    with pytest.raises(errors.InvalidError) as caught:
        policy.machine_per_deployment(
            AVAILABLE, [a_request("hello"), a_request("pages", http_port=8080)]
        )

    assert "80, 8080" in caught.value.message


@given(names=NAMES, name=st.sampled_from(sorted(policy.POLICIES)))
def test_every_application_is_placed_exactly_once(names: list[str], name: str) -> None:
    placements = policy.POLICIES[name](AVAILABLE, [a_request(it) for it in names])

    placed = [application for it in placements for application in it.applications]
    assert sorted(placed) == sorted(names)


@given(before=NAMES, after=NAMES)
def test_machines_stay_with_their_applications(before: list[str], after: list[str]) -> None:
    old = policy.machine_per_application(AVAILABLE, [a_request(it) for it in before])
    machines = [a_machine(it, number) for number, it in enumerate(old, 1)]

    found = policy.assign(
        machines, policy.machine_per_application(AVAILABLE, [a_request(it) for it in after])
    )

    assert all(it.placement.applications == placed.applications for it, placed in found.kept)
    assert {it.placement.applications[0] for it, _ in found.kept} == {*before} & {*after}
    assert {it.applications[0] for it in found.new} == {*after} - {*before}
    assert {it.placement.applications[0] for it in found.surplus} == {*before} - {*after}


def test_a_shared_machine_goes_on_when_an_application_joins() -> None:
    placement = policy.machine_per_deployment(AVAILABLE, [a_request("hello")])[0]
    wider = replace(placement, applications=("hello", "pages"))

    found = policy.assign([a_machine(placement)], [wider])

    assert found.kept == ((a_machine(placement), wider),)
    assert not found.new
    assert not found.surplus
