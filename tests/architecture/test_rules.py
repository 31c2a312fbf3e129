"""The house rules that no linter knows hold, and each finds a planted violation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.support.rules import code, documents, services, words
from tests.support.tree import ROOT, Rule, Tree, plant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FAMILIES: Final[tuple[Sequence[Rule], ...]] = (
    code.RULES,
    services.RULES,
    words.RULES,
    documents.RULES,
)
EVERY: Final = [(rule, family) for family in FAMILIES for rule in family]
NAMES: Final = [rule.says for rule, _ in EVERY]


@pytest.fixture(scope="module")
def checkout() -> Tree:
    return Tree(ROOT)


@pytest.mark.parametrize("rule", [rule for rule, _ in EVERY], ids=NAMES)
def test_the_rule_holds(rule: Rule, checkout: Tree) -> None:
    assert list(rule.find(checkout)) == []


@pytest.mark.parametrize(("rule", "family"), EVERY, ids=NAMES)
def test_the_rule_and_no_other_finds_a_planted_violation(
    rule: Rule, family: Sequence[Rule], tmp_path: Path
) -> None:
    planted = plant(tmp_path, rule.planted)

    assert [it.says for it in family if it.find(planted)] == [rule.says]
