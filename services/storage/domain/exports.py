"""What machines have written for a backup, compared with what they were asked for.

A machine is not trusted: one that was taken over may say and write what it likes, also where other
machines write, as they share a key. What is looked at here cannot change any more: the key is gone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from shared import errors
from shared.contracts.messages import Value

from .backups import state_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.contracts.state import SavedApplication

    from .backups import Backup
    from .objects import StoredObject

FORMAT: Final = "fediversity-state"
LARGEST_MANIFEST: Final = 16 * 2**20
"""As in the format of an application's state."""
MOST_NAMED: Final = 5


class _Manifest(Value):
    """What a manifest says that it is."""

    format: str
    export: str
    application: str
    version: str


def check_answer(backup: Backup) -> None:
    """Check that deployer speaks of the applications that were asked for, and of no others.

    Raises:
        FaultError: it does not.
    """
    asked = sorted(it.application for it in backup.applications)
    said = sorted(it.application for it in backup.saved)
    if missing := sorted({*asked} - {*said}):
        raise errors.FaultError(
            "backup.not_exported", f"nothing was exported of {', '.join(missing)}; try again"
        )
    if said != asked:
        raise _differs(f"{', '.join(said)} was exported, and {', '.join(asked)} was asked for")
    for it in backup.saved:
        if it.manifest and not it.manifest.startswith(f"{state_prefix(it.application)}/"):
            raise _differs(f"the manifest of {it.application} is {it.manifest}")


def check_places(backup: Backup, found: Mapping[str, StoredObject]) -> None:
    """Check that a bucket holds nothing but what machines were asked for.

    Raises:
        FaultError: it does.
    """
    own = tuple(f"{state_prefix(it.application)}/" for it in backup.saved if it.manifest)
    strange = sorted(key for key in found if not key.startswith(own))
    if strange:
        rest = f" and {len(strange) - MOST_NAMED} more" if len(strange) > MOST_NAMED else ""
        raise _differs(
            f"a machine wrote what nobody had asked for: {', '.join(strange[:MOST_NAMED])}{rest}"
        )


def check_size(saved: SavedApplication, found: Mapping[str, StoredObject]) -> None:
    """Check that the manifest of an application is there, and can be read.

    Raises:
        FaultError: it is not, or cannot.
    """
    known = found.get(saved.manifest)
    if known is None or known.size > LARGEST_MANIFEST:
        raise manifest_differs(saved)


def check_manifest(
    backup: Backup, saved: SavedApplication, content: bytes, found: Mapping[str, StoredObject]
) -> None:
    """Check that a manifest is about what was asked for, and that what it names is there.

    Raises:
        FaultError: it is not.
    """
    try:
        document = json.loads(content)
        said = _Manifest.model_validate(document)
    except (ValueError, RecursionError) as error:
        raise _differs(f"the manifest of {saved.application} cannot be read") from error
    asked = _Manifest(
        format=FORMAT,
        export=backup.id,
        application=saved.application,
        version=saved.version,
    )
    if said != asked:
        raise _differs(
            f"the manifest of {saved.application} {saved.version} is that of another export, "
            f"of {said.application} {said.version}"
        )
    prefix = state_prefix(saved.application)
    for name, size in _chunks(document):
        known = found.get(f"{prefix}/{name}")
        if known is None or known.size != size:
            raise _differs(f"{name} of {saved.application} is missing, or not as its manifest says")


def manifest_differs(saved: SavedApplication) -> errors.FaultError:
    """Return the error that a manifest is not the one of which deployer speaks."""
    return errors.FaultError(
        "backup.manifest_differs",
        f"the manifest of {saved.application} in the backup is not the one that was exported; "
        "make another backup",
    )


def _chunks(document: object) -> Iterator[tuple[str, int]]:
    """Yield every object that a manifest names, wherever it stands, and its size."""
    waiting: list[Any] = [document]
    while waiting:
        match waiting.pop():
            case {"object": str(name), "bytes": int(size)}:
                yield name, size
            case dict() as fields:
                waiting += fields.values()
            case list() as items:
                waiting += items
            case _:
                pass


def _differs(what: str) -> errors.FaultError:
    return errors.FaultError(
        "backup.export_differs",
        f"what was exported is not what was asked for: {what}; see that nobody else has a hand in "
        "this deployment's machines, then make another backup",
    )
