"""House rules about single files of code that no linter knows."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from tests.support.tree import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.tree import Tree

CODE: Final = ("shared", "services", "nix", "scripts", "tests")
PRODUCT: Final = ("shared", "services")
LONGEST: Final = 400
BANNED_MODULES: Final = {"utils", "helpers", "common", "base", "manager"}
BANNED_IN_CLASSES: Final = re.compile(r"(Utils?|Helpers?|Manager|Base|Impl|Interface)(?![a-z])")
# Where every error may be caught, because this is where it is translated: once for the bus, once
# for jobs and their watches, once for REST.
TRANSLATORS: Final = {
    "shared/bus/consumer.py",
    "shared/jobs/worker.py",
    "services/panel/api/problems.py",
}
IMPURE: Final = {
    "now",
    "utcnow",
    "today",
    "uuid4",
    "uuid1",
    "new_id",
    "time",
    "monotonic",
    "random",
}
LEAKS: Final = re.compile(
    r"(?<![\w.}$])/(?:work|Users|home/[a-z]+)/|--(?:extra-)?index-url|^--find-links",
    re.MULTILINE,
)


def too_long(tree: Tree) -> Sequence[str]:
    """List the files that should be packages."""
    return [
        f"{tree.name(path)}: {lines} lines"
        for suffix in (".py", ".sh", ".nix", ".sql")
        for path in tree.under(*CODE, suffix=suffix)
        if (lines := path.read_text(encoding="utf-8").count("\n")) > LONGEST
    ]


def unintroduced(tree: Tree) -> Sequence[str]:
    """List the modules whose first line does not say in a sentence what they are."""
    return [
        name
        for name, module in tree.parsed(*CODE)
        if not (ast.get_docstring(module) or "").partition("\n")[0].endswith(".")
    ]


def shapeless(tree: Tree) -> Sequence[str]:
    """List the modules and folders whose name says nothing."""
    return [
        tree.name(path)
        for path in tree.under(*CODE)
        if BANNED_MODULES & {*path.relative_to(tree.root).parts[:-1], path.stem.strip("_")}
    ]


def affixed(tree: Tree) -> Sequence[str]:
    """List the classes with an affix instead of a role."""
    return [
        f"{name}: {it.name}"
        for name, module in tree.parsed(*CODE)
        for it in ast.walk(module)
        if isinstance(it, ast.ClassDef) and BANNED_IN_CLASSES.search(it.name)
    ]


def settled_early(tree: Tree) -> Sequence[str]:
    """List the modules that read settings when they are imported."""
    return [
        f"{name}:{call.lineno}"
        for name, module in tree.parsed(*PRODUCT)
        for statement in module.body
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If)
        for call in ast.walk(statement)
        if isinstance(call, ast.Call) and _called(call).endswith("Settings")
    ]


def unnamed_columns(tree: Tree) -> Sequence[str]:
    """List the queries that do not name their columns."""
    found = re.compile(r"\b(?:select|returning)\s+(?:\w+\.)?\*", re.IGNORECASE)
    return [
        f"{tree.name(path)}: {match.group()}"
        for suffix in (".py", ".sql")
        for path in tree.under(*PRODUCT, suffix=suffix)
        for match in found.finditer(path.read_text(encoding="utf-8"))
    ]


def swallowing(tree: Tree) -> Sequence[str]:
    """List the handlers of every error outside the places that translate them."""
    return [
        f"{name}:{it.lineno}"
        for name, module in tree.parsed(*PRODUCT)
        if name not in TRANSLATORS
        for it in ast.walk(module)
        if isinstance(it, ast.ExceptHandler) and _catches_everything(it)
    ]


def deaf(tree: Tree) -> Sequence[str]:
    """List the waits that may lose a cancellation, as `wait_for` does before Python 3.12."""
    return [
        f"{name}:{call.lineno}"
        for name, module in tree.parsed(*PRODUCT)
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and _called(call) == "wait_for"
    ]


def impure(tree: Tree) -> Sequence[str]:
    """List the calls in a domain that ask the clock or chance."""
    return [
        f"{name}:{call.lineno} {_called(call)}()"
        for name, module in tree.parsed("services")
        if "/domain/" in name or name.endswith("/domain.py")
        for call in ast.walk(module)
        if isinstance(call, ast.Call) and _called(call) in IMPURE
    ]


def starting_programs(tree: Tree) -> Sequence[str]:
    """List the modules of a service that start a process and are no adapter."""
    starters = ("create_subprocess_exec", "create_subprocess_shell", "Popen", "check_output")
    return [
        f"{name}:{it.lineno}"
        for name, module in tree.parsed("services")
        if "/adapters/" not in name and "/cli/" not in name
        for it in ast.walk(module)
        if isinstance(it, ast.Attribute) and it.attr in starters
    ]


def self_naming(tree: Tree) -> Sequence[str]:
    """List the imports with which a service spells its own name."""
    return [
        f"{name}:{it.lineno}"
        for name, module in tree.parsed("services")
        for it in ast.walk(module)
        if isinstance(it, ast.ImportFrom)
        and not it.level
        and (it.module or "").startswith("services")
    ]


def leaking(tree: Tree) -> Sequence[str]:
    """List the files that know a machine, an index or a mirror."""
    return [
        f"{tree.name(path)}: {match.group()}"
        for path in tree.files
        for match in LEAKS.finditer(_without_header(path.read_text(encoding="utf-8")))
    ]


def doubled(tree: Tree) -> Sequence[str]:
    """List the tests that use a mock library."""
    return [
        f"{name}: {imported}"
        for name, module in tree.parsed("tests")
        for it in ast.walk(module)
        for imported in _imports(it)
        if "mock" in imported
    ]


def _imports(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (it.name for it in names)
        case ast.Import(names=names):
            yield from (it.name for it in names)
        case _:
            pass


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wide = any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )
    # A handler that raises again translates nothing; it cleans up.
    return wide and not (handler.body and isinstance(handler.body[-1], ast.Raise))


def _without_header(text: str) -> str:
    """Leave out the line in which pip-compile repeats its own arguments."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#    pip-compile"))


DOC: Final = '"""Do a thing."""\n'
RULES: Final = (
    Rule(
        says="a file has at most 400 lines",
        find=too_long,
        planted={"shared/long.py": DOC + "x = 1\n" * LONGEST},
    ),
    Rule(
        says="a module begins with a sentence",
        find=unintroduced,
        planted={"shared/silent.py": '"""Things"""\n'},
    ),
    Rule(
        says="a module's name says what it holds",
        find=shapeless,
        planted={"services/panel/utils.py": DOC},
    ),
    Rule(
        says="a class is called by its role",
        find=affixed,
        planted={"services/panel/domain.py": DOC + "class MachineManager:\n    pass\n"},
    ),
    Rule(
        says="nothing reads settings at import",
        find=settled_early,
        planted={"services/panel/app.py": DOC + "settings = Settings()\n"},
    ),
    Rule(
        says="a query names its columns",
        find=unnamed_columns,
        planted={"shared/rows.py": DOC + 'ALL = "returning *"\n'},
    ),
    Rule(
        says="only translators catch every error",
        find=swallowing,
        planted={"shared/calm.py": DOC + "try:\n    x = 1\nexcept Exception:\n    x = 2\n"},
    ),
    Rule(
        says="no wait loses a cancellation",
        find=deaf,
        planted={"shared/waits.py": DOC + "done = asyncio.wait_for(work, 1)\n"},
    ),
    Rule(
        says="a domain asks neither clock nor chance",
        find=impure,
        planted={"services/panel/domain.py": DOC + "at = datetime.now(UTC)\n"},
    ),
    Rule(
        says="only an adapter starts a program",
        find=starting_programs,
        planted={"services/deployer/service.py": DOC + "x = subprocess.Popen(['nix'])\n"},
    ),
    Rule(
        says="a service does not spell its own name",
        find=self_naming,
        planted={"services/panel/service.py": DOC + "from services.panel import domain\n"},
    ),
    Rule(
        says="nothing knows the machine it was written on",
        find=leaking,
        planted={"docs/setup.md": "Go to /" + "home/jane/checkout.\n"},
    ),
    Rule(
        says="no test uses a mock library",
        find=doubled,
        planted={"tests/unit/test_it.py": DOC + "from unittest import mock\n"},
    ),
)
