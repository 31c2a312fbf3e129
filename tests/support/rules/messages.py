"""House rules about events: somebody states each one, and somebody listens."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.support.tree import Tree

FOR_OPERATORS: Final[frozenset[str]] = frozenset()
"""Events that nothing of ours consumes, by name: other organisations or operations teams do."""
LETTERS: Final = "shared/bus/dead_letters.py"
"""What every service but panel has among its routes without naming it."""


def routes(tree: Tree) -> Mapping[str, frozenset[str]]:
    """Return the events that each service's `routes()` names."""
    return {
        service: frozenset(_routed(module for _, module in tree.parsed(f"services/{service}")))
        for service in tree.services
    }


def letter_routes(tree: Tree) -> frozenset[str]:
    """Return the events about dead letters, which the runtime adds to a service's routes."""
    return frozenset(_routed(module for name, module in tree.parsed("shared") if name == LETTERS))


def stated(tree: Tree, *folders: str) -> frozenset[str]:
    """Return the names of all classes that are called below these folders."""
    return frozenset(
        it.func.id
        for _, module in tree.parsed(*folders)
        for it in ast.walk(module)
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Name)
    )


def _routed(modules: Iterable[ast.Module]) -> Iterator[str]:
    for module in modules:
        for it in ast.walk(module):
            if isinstance(it, ast.FunctionDef) and it.name == "routes":
                for inner in ast.walk(it):
                    if isinstance(inner, ast.Dict):
                        yield from (key.id for key in inner.keys if isinstance(key, ast.Name))
