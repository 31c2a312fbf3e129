"""Deployments and backups as pages show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from services.panel.domain.backups import Backup, BackupState
from services.panel.domain.deployments import Configuration, Deployment
from services.panel.domain.runs import Kept, Receipt, Run, RunKind, RunState, Standing
from services.panel.service.offer import Offer
from services.panel.service.runs import Overview
from services.panel.web.presenters import backups, deployments
from shared.catalogue import Catalogue
from shared.contracts.deployer import Ailment
from shared.contracts.deployments import ApplicationOrder, PublishedRoute

NOW: Final = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
OFFER: Final = Offer(catalogue=Catalogue(applications={}), sizes={}, machine_days=7)
ORDER: Final = ApplicationOrder(
    application="hello", version="1.0.0", host="hello.garden.example", options={}
)
CONFIGURATION: Final = Configuration(
    deployment="d", version=1, applications=(ORDER,), staged_at=NOW, staged_by="p"
)
LIVE: Final = Deployment(
    id="d",
    operator="o",
    domain="garden.example",
    created_at=NOW,
    deployed_revision=1,
    routes=(
        PublishedRoute(
            application="hello", host="hello.garden.example", url="https://hello.garden.example"
        ),
    ),
)
RUN: Final = Run(
    id="r",
    number=1,
    operator="o",
    deployment="d",
    kind=RunKind.BACKUP,
    revision=1,
    state=RunState.FAILED,
    requested_by="p",
    created_at=NOW,
)


def shown(
    deployment: Deployment = LIVE, standing: Standing | None = None
) -> deployments.DeploymentView:
    overview = Overview(deployment, CONFIGURATION, standing or Standing())
    return deployments.present(overview, OFFER)


def test_an_application_that_is_offered_no_more_is_shown_by_its_name() -> None:
    [it] = shown().applications

    assert (it.title, it.url) == ("hello", "https://hello.garden.example")


def test_what_is_well_needs_nobody() -> None:
    view = shown()

    assert view.state.word == "Live"
    assert not view.needs_attention


def test_what_is_not_well_says_so_in_words_and_needs_somebody() -> None:
    disk = Ailment(application="hello", kind="disk", message="94 %.", since="2026-11-21T07:10:00Z")

    view = shown(replace(LIVE, ailments=(disk,)))

    assert view.needs_attention
    assert view.ailments[0].what == "Its disk is nearly full"
    assert view.ailments[0].since.hour == 7


def test_an_ailment_of_a_kind_that_is_new_is_shown_all_the_same() -> None:
    new = Ailment(application="hello", kind="new", message="?", since="2026-11-21T07:10:00Z")

    assert shown(replace(LIVE, ailments=(new,))).ailments[0].what == "Something is not well"


def test_a_run_that_failed_needs_somebody_until_another_goes_on() -> None:
    again = replace(RUN, state=RunState.RUNNING)

    assert shown(standing=Standing(newest=RUN)).needs_attention
    assert not shown(standing=Standing(active=again, newest=RUN)).needs_attention


def test_a_run_that_is_held_up_needs_somebody() -> None:
    held = replace(RUN, state=RunState.RUNNING, held_by="letter")

    assert shown(standing=Standing(active=held)).needs_attention


def test_what_needs_somebody_comes_first_and_the_rest_stays_as_it_was() -> None:
    calm, urgent = shown(), shown(standing=Standing(newest=RUN))
    other = replace(calm, domain="other.example")

    assert deployments.by_urgency([calm, other, urgent]) == [urgent, calm, other]


def test_a_draft_offers_nothing_of_what_runs() -> None:
    view = shown(replace(LIVE, deployed_revision=None, routes=()))

    assert view.is_draft
    assert not view.is_live


def test_a_removal_says_what_is_gone_and_what_stays_until_when() -> None:
    found = Receipt(machines=("m1", "m2"), buckets_kept=(Kept(bucket="b", until="2026-12-24"),))

    view = deployments.receipt(found)

    assert view.machines == "m1, m2"
    assert view.kept[0].until.day == 24


@pytest.mark.parametrize(
    ("state", "can_restore", "can_remove"),
    [
        (BackupState.MAKING, False, False),
        (BackupState.COMPLETE, True, True),
        (BackupState.FAILED, False, True),
        (BackupState.REMOVING, False, False),
        (BackupState.REMOVED, False, False),
    ],
)
def test_a_backup_offers_what_can_be_done_with_it(
    state: BackupState, *, can_restore: bool, can_remove: bool
) -> None:
    backup = Backup(
        id="b",
        operator="o",
        deployment="d",
        domain="garden.example",
        state=state,
        created_at=NOW,
        run="r",
    )

    view = backups.present(backup)

    assert (view.can_restore, view.can_remove) == (can_restore, can_remove)
