"""The house rules about files of code hold, and each finds a planted violation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.rules import code
from tests.support.tree import ROOT, Rule, Tree, plant

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("rule", code.RULES, ids=lambda rule: rule.says)
def test_the_rule_holds(rule: Rule) -> None:
    assert list(rule.find(Tree(ROOT))) == []


@pytest.mark.parametrize("rule", code.RULES, ids=lambda rule: rule.says)
def test_the_rule_finds_a_planted_violation(rule: Rule, tmp_path: Path) -> None:
    assert rule.find(plant(tmp_path, rule.planted))
    assert [it.says for it in code.RULES if it.find(plant(tmp_path, rule.planted))] == [rule.says]
