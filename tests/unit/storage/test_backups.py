"""What belongs to a backup follows from the state manifest and from the buckets that are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.storage.domain import backups
from services.storage.domain import index as indexes
from services.storage.domain.backups import Backup, BackupState, Loan
from services.storage.domain.buckets import Bucket, BucketState
from services.storage.domain.objects import StoredObject
from shared import errors
from shared.contracts.state import CarriedApplication, CarriedBucket, SavedApplication

DEPLOYMENT, OTHER = "0123456789abcdefghjkmnpqrs", "0123456789abcdefghjkmnpqrt"
ID = "0123456789abcdefghjkmnpqrv"
MEDIA = CarriedBucket(purpose="media", prefixes=("pictures/",), excludes=("pictures/cache/",))
HELLO = CarriedApplication(application="hello", version="1", buckets=(MEDIA,))
SAVED = SavedApplication(
    application="hello",
    version="1",
    manifest="state/hello/manifest.json",
    sha256="5",
    rows=1,
    files=2,
    bytes=10,
    not_included=("bucket media", "rows of the table sessions"),
)
OBJECTS = [
    StoredObject(key="state/hello/manifest.json", size=7, etag="m"),
    StoredObject(key="objects/hello/media/pictures/1", size=5, etag="1"),
    StoredObject(key="index.json", size=99, etag="i"),
]


def bucket(purpose: str = "media", **more: Any) -> Bucket:  # noqa: ANN401 - fields of a bucket
    known = {"deployment": DEPLOYMENT, "application": "hello", "store": "local"}
    return Bucket(**{**known, "state": BucketState.READY, **more}, purpose=purpose)


def backup(**more: Any) -> Backup:  # noqa: ANN401 - fields of a backup
    known: dict[str, Any] = {
        "id": ID,
        "deployment": DEPLOYMENT,
        "operator": "garden",
        "revision": 1,
        "run": ID,
        "store": "local",
        "applications": (HELLO,),
        "taken_at": datetime(2026, 11, 16, tzinfo=UTC),
        "saved": (SAVED,),
    }
    return Backup(**{**known, **more})


def loan(*applications: CarriedApplication, store: str = "local") -> Loan:
    return Loan(
        deployment=OTHER,
        backup=ID,
        source=DEPLOYMENT,
        run=ID,
        store=store,
        applications=applications or (HELLO,),
    )


def an_index(*held: Bucket) -> indexes.BackupIndex:
    return indexes.build_index(backup(), OBJECTS, held or (bucket(),))


def test_a_backups_name_is_its_deployments_and_no_name_of_an_applications_bucket() -> None:
    assert backup().name == f"fdv-{DEPLOYMENT}-{ID}"
    assert backup().name.count("-") < bucket().name.count("-")


def test_a_loan_reads_the_source_under_the_name_of_the_deployment_that_is_restored() -> None:
    holder = loan().holder

    assert (holder.bucket, holder.name) == (f"fdv-{DEPLOYMENT}-{ID}", f"fdv-{OTHER}-{ID}")
    assert not holder.is_writable


def test_a_backup_lies_where_the_objects_lie() -> None:
    assert backups.choose_store([HELLO], [bucket(store="old")], "new") == "old"
    assert backups.choose_store([HELLO], [], "new") == "new"


def test_objects_in_two_stores_cannot_be_in_one_backup() -> None:
    both = HELLO.model_copy(update={"buckets": (MEDIA, CarriedBucket(purpose="avatars"))})

    with pytest.raises(errors.InvalidError, match="new, old") as refused:
        backups.choose_store([both], [bucket(store="old"), bucket("avatars", store="new")], "new")

    assert refused.value.code == "backup.stores"


@pytest.mark.parametrize(
    ("state", "is_carried"),
    [
        (BucketState.READY, True),
        (BucketState.UNUSED, True),
        (BucketState.CREATING, True),
        (BucketState.REQUESTED, False),
        (BucketState.REMOVING, False),
        (BucketState.KEPT, False),
    ],
)
def test_only_a_bucket_that_may_hold_objects_is_carried(
    state: BucketState, *, is_carried: bool
) -> None:
    parts = backups.parts_to_save(backup(), [bucket(state=state)])

    assert bool(parts) is is_carried


def test_what_others_carry_is_not_left_out_and_what_nobody_carries_is() -> None:
    said = backups.left_out(HELLO, SAVED, [bucket()])

    assert said == (
        "rows of the table sessions",
        "all but pictures/ of the bucket media",
        "pictures/cache/ of the bucket media",
    )
    assert "bucket media" in backups.left_out(HELLO, SAVED, [])


@pytest.mark.parametrize("state", [it for it in BackupState if it is not BackupState.COMPLETE])
def test_only_a_complete_backup_is_lent(state: BackupState) -> None:
    with pytest.raises(errors.ConflictError, match=state):
        backups.check_lendable(backup(state=state), operator="garden", source=DEPLOYMENT)

    complete = backup(state=BackupState.COMPLETE)
    assert backups.check_lendable(complete, operator="garden", source=DEPLOYMENT) == complete


@pytest.mark.parametrize(
    ("operator", "source"), [("another", DEPLOYMENT), ("garden", OTHER), ("another", OTHER)]
)
def test_somebody_elses_backup_is_answered_like_none(operator: str, source: str) -> None:
    answers = []
    for found in (backup(state=BackupState.COMPLETE), None):
        with pytest.raises(errors.NotFoundError) as refused:
            backups.check_lendable(found, operator=operator, source=source)
        answers.append(str(refused.value))

    assert answers[0] == answers[1]


def test_an_export_of_another_run_or_deployment_is_not_awaited() -> None:
    waiting = backup(state=BackupState.EXPORTING, saved=())

    assert waiting.awaits_export(DEPLOYMENT, ID)
    assert not waiting.awaits_export(DEPLOYMENT, OTHER)
    assert not waiting.awaits_export(OTHER, ID)
    assert not backup(state=BackupState.FAILED, saved=()).awaits_export(DEPLOYMENT, ID)
    assert not backup(state=BackupState.EXPORTING).awaits_export(DEPLOYMENT, ID)


def test_an_index_names_all_objects_but_itself() -> None:
    index = an_index()

    assert [it.key for it in index.objects] == sorted(it.key for it in OBJECTS[:2])
    assert (index.bytes, index.taken_at) == (12, "2026-11-16T00:00:00Z")
    [application] = index.applications
    assert (application.sha256, application.buckets) == ("5", (MEDIA,))
    assert (application.summary.objects, application.summary.bytes) == (1, 15)


def test_an_index_is_read_as_it_was_written_and_not_otherwise() -> None:
    content = indexes.written(an_index())
    digest = indexes.digest_of(content)

    assert indexes.read(content, digest) == an_index()
    for other, expected in ((content + b" ", digest), (b"{}", indexes.digest_of(b"{}"))):
        with pytest.raises(errors.FaultError) as refused:
            indexes.read(other, expected)
        assert refused.value.code == "backup.damaged"


def test_a_damaged_backup_names_some_of_what_is_damaged() -> None:
    many = [StoredObject(key=f"state/{number}", size=1, etag="x") for number in range(9)]
    index = indexes.build_index(backup(), [*many, *OBJECTS], [bucket()])
    found = {it.key: it for it in index.objects}
    indexes.check_whole(index, {**found, "state/more": many[0]})

    with pytest.raises(errors.FaultError, match="9 of its 11 objects") as refused:
        indexes.check_whole(
            index, {key: it for key, it in found.items() if "objects" in key or "hello" in key}
        )

    assert "state/0" in refused.value.message
    assert "and 4 more" in refused.value.message


def test_a_restore_leaves_alone_what_only_one_side_carries() -> None:
    wide = HELLO.model_copy(update={"buckets": (CarriedBucket(purpose="media"),)})
    home = bucket(deployment=OTHER)

    [part] = indexes.parts_to_restore(an_index(), loan(wide), [home])

    assert part.bucket == home.name
    assert [it for it in ("pictures/1", "pictures/cache/1", "x") if part.selects(it)] == [
        "pictures/1"
    ]
    without = indexes.build_index(backup(), OBJECTS, [])
    assert indexes.parts_to_restore(without, loan(wide), [home]) == ()
    elsewhere = bucket(deployment=OTHER, store="another")
    assert indexes.parts_to_restore(an_index(), loan(wide), [elsewhere]) == ()


def test_a_deployment_needs_a_bucket_in_the_same_store_for_the_objects() -> None:
    indexes.check_fits(backup(), an_index(), loan(), [bucket(deployment=OTHER)])

    for held in ([], [bucket(store="another")], [bucket(state=BucketState.KEPT)]):
        with pytest.raises(errors.InvalidError) as refused:
            indexes.check_fits(backup(), an_index(), loan(), held)
        assert refused.value.code == "backup.bucket_missing"


def test_no_bucket_is_needed_where_the_backup_has_no_objects() -> None:
    empty = indexes.build_index(backup(), OBJECTS[:1], [bucket()])

    indexes.check_fits(backup(), empty, loan(), [])


def test_an_application_that_is_not_in_the_backup_is_named() -> None:
    other = CarriedApplication(application="other", version="1")

    with pytest.raises(errors.InvalidError, match="nothing of other"):
        indexes.check_fits(backup(), an_index(), loan(other), [bucket()])
