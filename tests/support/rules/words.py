"""House rules about names: the glossary decides, and the words it does not use stay out."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tests.support.tree import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.tree import Tree

# What is said instead, by the word that is not.
SYNONYMS: Final = {
    "customer": "operator",
    "customers": "operator",
    "tenant": "operator",
    "tenants": "operator",
    "platform": "hosting provider",
    "hypervisor": "runtime backend",
    "vm": "machine",
    "vms": "machine",
    "website": "deployment",
    "asset": "resource",
    "assets": "resource",
    "cfg": "configuration",
    "config_id": "revision",
    "creds": "access key",
    "pwd": "password",
    "ctx": "context",
    "mgr": "what it does",
}
# Other organisations know these names; a technology has its own.
FIXED: Final = re.compile(r"VMReady|VMRemoved|vm_ready|vm_removed")
WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def synonyms(tree: Tree) -> Sequence[str]:
    """List the public names in which a word stands that the glossary does not use."""
    return [
        f"{name}: {found}: say {SYNONYMS[word]}"
        for name, module in tree.parsed("shared", "services")
        for found in sorted(set(_public_names(module)))
        for word in _words(found)
        if word in SYNONYMS
    ]


def tables(tree: Tree) -> Sequence[str]:
    """List the tables and columns in which such a word stands."""
    return [
        f"{tree.name(path)}: {line.strip()}: say {SYNONYMS[word]}"
        for path in tree.under("shared", "services", suffix=".sql")
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("--")
        for word in _words(line)
        if word in SYNONYMS
    ]


def _words(text: str) -> Iterator[str]:
    yield from (it.lower() for it in WORD.findall(FIXED.sub("", text)))


def _public_names(module: ast.Module) -> Iterator[str]:
    """Yield what others can see of a module: classes, functions, arguments and fields."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name):
                yield from (it for it in (name, *_fields(node)) if not it.startswith("_"))
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_"):
                    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                    yield from (name, *(it.arg for it in every))
            case _:
                pass


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for it in node.body:
        if isinstance(it, ast.AnnAssign) and isinstance(it.target, ast.Name):
            yield it.target.id


RULES: Final = (
    Rule(
        says="public names use the words of the glossary",
        find=synonyms,
        planted={"services/panel/domain.py": "class Customer:\n    pass\n"},
    ),
    Rule(
        says="tables use the words of the glossary",
        find=tables,
        planted={"services/panel/schema/0001.sql": "create table tenants (id text);\n"},
    ),
)
