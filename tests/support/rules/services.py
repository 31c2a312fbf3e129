"""House rules about services: learn one, know all of them, and no list forgets one."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.support.tree import Rule, parse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.tree import Tree

# A name that has grown is a folder: `domain.py` becomes `domain/`.
EVERYWHERE: Final = (
    *("__init__.py", "__main__.py", "settings.py", "domain", "service", "adapters", "schema"),
    *("README.md", "Dockerfile", "requirements.txt", "requirements.lock"),
)
# What only some services have, and why they do.
ALLOWED: Final = {
    "ports": "services that can choose between adapters",
    "panel/api": "the REST interface",
    "panel/assembly": "a part of `__main__` that has grown: which adapter stands where",
    "panel/web": "the pages",
    "panel/cli": "the command line, a client of the REST interface",
    "panel/projections.py": "events become the read model",
    "provisioner/policy.py": "which machine an application gets",
    "deployer/render.py": "a deployment becomes arguments of a system",
}
LINES: Final = ("Owns:", "Consumes:", "Emits:")


def incomplete(tree: Tree) -> Sequence[str]:
    """List what a service should have and has not."""
    return [
        f"services/{service} has no {wanted}"
        for service in tree.services
        for wanted in EVERYWHERE
        if wanted.partition(".")[0] not in _stems(tree.root / "services" / service, wanted)
    ]


def surprising(tree: Tree) -> Sequence[str]:
    """List what a service has besides, and nobody allowed by name."""
    known = {it.partition(".")[0] for it in EVERYWHERE if it not in {"README.md", "Dockerfile"}}
    known |= {"README", "Dockerfile", "__pycache__"}
    return [
        f"services/{service}/{path.name}"
        for service in tree.services
        for path in sorted((tree.root / "services" / service).iterdir())
        if path.name.partition(".")[0] not in known
        if path.name.partition(".")[0] not in ALLOWED and f"{service}/{path.name}" not in ALLOWED
    ]


def unintroduced(tree: Tree) -> Sequence[str]:
    """List the services whose docstring leaves out what they own, consume or emit."""
    return [
        f"services/{service}/__init__.py says nothing after {line}"
        for service in tree.services
        for line in LINES
        if not re.search(
            rf"^{line}\s+\S",
            ast.get_docstring(parse(tree.root / "services" / service / "__init__.py")) or "",
            re.MULTILINE,
        )
    ]


def unequal(tree: Tree) -> Sequence[str]:
    """List the places that know other services than there are."""
    project = _toml(tree.root / "pyproject.toml")
    contracts = project.get("tool", {}).get("importlinter", {}).get("contracts", [])
    files = project.get("tool", {}).get("setuptools", {}).get("dynamic", {})
    processes = _toml(tree.root / "shared" / "embedded" / "processes.toml")
    found = {
        "pyproject.toml, scripts": [
            it.removeprefix("fediversity-")
            for it in project.get("project", {}).get("scripts", {})
            if it.startswith("fediversity-")
        ],
        "pyproject.toml, dependencies": [
            it.split("/")[1]
            for it in files.get("dependencies", {}).get("file", [])
            if it.startswith("services/")
        ],
        "pyproject.toml, import contracts": [
            it.removeprefix("services.") for row in contracts for it in row.get("containers", [])
        ],
        "compose.yaml": _composed(tree.root / "compose.yaml"),
        "shared/embedded/processes.toml": [it["name"] for it in processes.get("services", [])],
        "shared/bus/streams.py": _declared(tree.root / "shared" / "bus" / "streams.py"),
    }
    return [
        f"{place}: {sorted(names)}"
        for place, names in found.items()
        if sorted(names) != list(tree.services)
    ]


def _stems(folder: Path, wanted: str) -> set[str]:
    """Return the names in a folder, without endings where the wanted one is a Python module."""
    exact = "." in wanted or wanted == "Dockerfile"
    names = [it.name for it in folder.iterdir()]
    if exact:
        return {wanted.partition(".")[0]} if wanted in names else set()
    return {it.removesuffix(".py") for it in names}


def _toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _composed(path: Path) -> list[str]:
    """Return the services of compose.yaml that run from an image of their own name."""
    known = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [
        name
        for name, it in known.get("services", {}).items()
        if it.get("build", {}).get("dockerfile") == f"services/{name}/Dockerfile"
    ]


def _declared(path: Path) -> list[str]:
    """Return the services that the bus declares."""
    if not path.exists():
        return []
    return [
        name
        for it in ast.walk(parse(path))
        if isinstance(it, ast.Call)
        if isinstance(it.func, ast.Name) and it.func.id == "Service" and it.args
        if isinstance(it.args[0], ast.Constant) and isinstance(name := it.args[0].value, str)
    ]


DOC: Final = '"""Storage: buckets.\n\nOwns: buckets.\nConsumes: wishes.\nEmits: facts.\n"""\n'
STORAGE: Final = {
    f"services/storage/{it if '.' in it or it == 'Dockerfile' else f'{it}.py'}": ""
    for it in EVERYWHERE
} | {
    "services/storage/__init__.py": DOC,
    "pyproject.toml": (
        '[project.scripts]\nfediversity-storage = "x"\n'
        '[tool.setuptools.dynamic]\ndependencies = {file = ["services/storage/requirements.txt"]}\n'
        '[[tool.importlinter.contracts]]\ncontainers = ["services.storage"]\n'
    ),
    "compose.yaml": "services: {storage: {build: {dockerfile: services/storage/Dockerfile}}}\n",
    "shared/embedded/processes.toml": '[[services]]\nname = "storage"\n',
    "shared/bus/streams.py": 'SERVICES = (Service("storage"),)\n',
}
RULES: Final = (
    Rule(
        says="every service has the same files",
        find=incomplete,
        planted={name: it for name, it in STORAGE.items() if not name.endswith("settings.py")},
    ),
    Rule(
        says="what only one service has is allowed by name",
        find=surprising,
        planted=STORAGE | {"services/storage/extra.py": ""},
    ),
    Rule(
        says="a service says what it owns, consumes and emits",
        find=unintroduced,
        planted=STORAGE | {"services/storage/__init__.py": DOC.replace("Owns: buckets.", "")},
    ),
    Rule(
        says="every list of services is the same",
        find=unequal,
        planted=STORAGE | {"compose.yaml": "services: {}\n"},
    ),
)
