"""Objects of a store, which of them are carried, and how two places differ in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.messages import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.contracts.state import CarriedBucket


class StoredObject(Value):
    """An object as a store lists it."""

    key: str
    size: int
    etag: str
    """Equal for equal content of one upload; without quotation marks."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object lies in a store."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Part:
    """The objects of one purpose of an application: where they live, and where in a backup."""

    bucket: str
    prefix: str
    """What stands before their keys in the backup."""
    rules: tuple[CarriedBucket, ...]
    """All of them must select a key that is carried."""
    roots: tuple[str, ...]
    """Every key that is carried begins with one of these."""

    def selects(self, key: str) -> bool:
        """Say whether an object of the bucket belongs to the application's state."""
        return all(_selects(rule, key) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes the objects of a bucket those of a backup."""

    absent: tuple[str, ...]
    """Keys that only the backup has."""
    different: tuple[str, ...]
    """Keys that both have, with other content."""
    surplus: tuple[str, ...]
    """Keys that the backup would have, had they been there."""


def compare(
    part: Part, saved: Mapping[str, StoredObject], live: Mapping[str, StoredObject]
) -> Changes:
    """Return what is different between a backup and the bucket that it was made of."""
    wanted = {key: it for key, it in saved.items() if part.selects(key)}
    return Changes(
        absent=tuple(key for key in wanted if key not in live),
        different=tuple(
            key for key, it in wanted.items() if key in live and not same(it, live[key])
        ),
        surplus=tuple(key for key in live if key not in wanted and part.selects(key)),
    )


def same(one: StoredObject, other: StoredObject) -> bool:
    """Say whether two objects have the same content; False where a store cannot tell."""
    return (one.size, one.etag) == (other.size, other.etag)


def _selects(rule: CarriedBucket, key: str) -> bool:
    is_inside = not rule.prefixes or key.startswith(rule.prefixes)
    return is_inside and not key.startswith(rule.excludes)


def roots(rule: CarriedBucket) -> tuple[str, ...]:
    """Return the prefixes to list, so that no object is listed twice."""
    wanted = sorted(set(rule.prefixes)) or [""]
    return tuple(
        it
        for it in wanted
        if not any(it != shorter and it.startswith(shorter) for shorter in wanted)
    )
