"""Backups: what can be restored, removed, and where it fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.panel.domain.backups import Backup, BackupState, moved
from services.panel.domain.deployments import Revision
from shared import errors
from shared.contracts.deployments import ApplicationOrder, BucketRequest
from shared.contracts.state import CarriedApplication, CarriedBucket

AT = datetime(2026, 11, 21, tzinfo=UTC)
BLOG = ApplicationOrder(application="blog", version="1", host="blog.garden.example")
BUCKET = BucketRequest(application="blog", purpose="media")
MADE_OF = Revision(
    deployment="d",
    number=1,
    configuration=1,
    applications=(BLOG,),
    resources=(BUCKET,),
    created_at=AT,
)
BACKUP = Backup(
    id="b",
    operator="o",
    deployment="d",
    domain="garden.example",
    state=BackupState.COMPLETE,
    created_at=AT,
    run="b",
    revision=1,
    applications=(
        CarriedApplication(
            application="blog", version="1", buckets=(CarriedBucket(purpose="media"),)
        ),
    ),
)


@pytest.mark.parametrize("state", BackupState)
def test_only_a_complete_backup_is_restored(state: BackupState) -> None:
    backup = replace(BACKUP, state=state)

    if state is BackupState.COMPLETE:
        backup.require_complete()
        return
    with pytest.raises(errors.ConflictError, match="cannot be restored"):
        backup.require_complete()


@pytest.mark.parametrize(
    ("state", "is_removable"),
    [
        (BackupState.MAKING, False),
        (BackupState.COMPLETE, True),
        (BackupState.FAILED, True),
        (BackupState.REMOVING, True),
        (BackupState.REMOVED, False),
    ],
)
def test_what_is_being_made_or_gone_is_not_removed(
    *, state: BackupState, is_removable: bool
) -> None:
    backup = replace(BACKUP, state=state)

    if is_removable:
        backup.require_removable()
        return
    with pytest.raises(errors.ConflictError):
        backup.require_removable()


def test_a_backup_fits_what_it_was_made_of_with_other_options_too() -> None:
    later = BLOG.model_copy(update={"options": {"title": "Other"}})
    more = ApplicationOrder(application="more", version="1", host="more.garden.example")

    BACKUP.require_fit(MADE_OF, replace(MADE_OF, number=2, applications=(later, more)))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (replace(MADE_OF, applications=()), "blog is not deployed"),
        (replace(MADE_OF, resources=()), "blog has no bucket media"),
        (
            replace(MADE_OF, applications=(BLOG.model_copy(update={"version": "2"}),)),
            "blog is version 2 now, not 1",
        ),
        (
            replace(MADE_OF, applications=(BLOG.model_copy(update={"host": "x.garden.example"}),)),
            "blog is at x.garden.example now, not at blog.garden.example",
        ),
    ],
)
def test_a_backup_that_would_come_back_in_part_is_refused(target: Revision, reason: str) -> None:
    with pytest.raises(errors.ConflictError, match=reason) as refused:
        BACKUP.require_fit(MADE_OF, target)

    assert refused.value.code == "backup.misfit"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("garden.example", "copy.example"),
        ("blog.garden.example", "blog.copy.example"),
        ("a.b.garden.example", "a.b.copy.example"),
    ],
)
def test_hosts_keep_their_labels_on_another_domain(host: str, expected: str) -> None:
    order = BLOG.model_copy(update={"host": host, "sealed_options": {"password": "sealed"}})

    [found] = moved([order], "garden.example", "copy.example")

    assert found.host == expected
    assert found.sealed_options == {"password": "sealed"}
