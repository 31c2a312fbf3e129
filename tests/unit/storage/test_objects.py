"""Which objects are carried, and what makes one place like another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.storage.domain import objects
from services.storage.domain.objects import Part, StoredObject
from shared.contracts.state import CarriedBucket

KEYS = st.text(alphabet="ab/", max_size=4)


def part(*rules: CarriedBucket) -> Part:
    return Part("bucket", "objects/hello/media/", rules, objects.roots(rules[0]))


def rule(prefixes: tuple[str, ...] = (), excludes: tuple[str, ...] = ()) -> CarriedBucket:
    return CarriedBucket(purpose="media", prefixes=prefixes, excludes=excludes)


def stored(contents: dict[str, str]) -> dict[str, StoredObject]:
    return {
        key: StoredObject(key=key, size=len(value), etag=value) for key, value in contents.items()
    }


@pytest.mark.parametrize(
    ("prefixes", "roots"),
    [
        ((), ("",)),
        (("a/",), ("a/",)),
        (("a/b/", "a/", "c/"), ("a/", "c/")),
        (("a/", "a/"), ("a/",)),
        (("a", "ab"), ("a",)),
    ],
)
def test_no_object_is_listed_twice(prefixes: tuple[str, ...], roots: tuple[str, ...]) -> None:
    assert objects.roots(rule(prefixes)) == roots


@given(st.lists(KEYS, max_size=3), st.lists(KEYS, max_size=2), KEYS)
def test_whatever_is_selected_is_listed(prefixes: list[str], excludes: list[str], key: str) -> None:
    found = part(rule(tuple(prefixes), tuple(excludes)))

    if found.selects(key):
        assert sum(key.startswith(it) for it in found.roots) == 1
        assert not key.startswith(tuple(excludes))


@given(st.dictionaries(KEYS, KEYS, max_size=6), st.dictionaries(KEYS, KEYS, max_size=6))
def test_applying_the_changes_makes_what_is_selected_equal_and_leaves_the_rest(
    saved: dict[str, str], live: dict[str, str]
) -> None:
    carried = part(rule(("a",), ("ab",)), rule((), ("aa",)))

    changes = objects.compare(carried, stored(saved), stored(live))
    after = {key: value for key, value in live.items() if key not in changes.surplus}
    after |= {key: saved[key] for key in (*changes.absent, *changes.different)}

    selected = {key: it for key, it in after.items() if carried.selects(key)}
    assert selected == {key: it for key, it in saved.items() if carried.selects(key)}
    assert {key: it for key, it in after.items() if not carried.selects(key)} == {
        key: it for key, it in live.items() if not carried.selects(key)
    }
    again = objects.compare(carried, stored(saved), stored(after))
    assert again == objects.Changes((), (), ())
