"""What documents say about services is what the code says."""

from __future__ import annotations

import ast
import importlib
import re
from typing import TYPE_CHECKING, Final

import pytest
import typer

from services.panel.api import document
from services.panel.api.app import create_documented_app
from services.panel.api.rates import Rates
from services.panel.cli.app import app
from shared import settings_table
from shared.bus import streams
from shared.contracts import registry
from tests.support.tree import ROOT, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT: Final = Tree(ROOT)
# In a line of a block, or quoted in a sentence.
COMMAND: Final = re.compile(
    r"(?:^|`)\.venv/bin/fediversity ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", re.MULTILINE
)
HEADINGS: Final = ("Owns", "Consumes", "Emits", "Works", "Settings", "Run alone")


def readme(service: str) -> str:
    return (ROOT / "services" / service / "README.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    _, _, rest = text.partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


def every_service() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", CHECKOUT.services)


@every_service()
def test_a_readme_has_the_sections_of_all(service: str) -> None:
    assert tuple(re.findall(r"^## (.+)$", readme(service), re.MULTILINE)) == HEADINGS


@every_service()
def test_a_readme_names_what_the_service_consumes(service: str) -> None:
    named = set(re.findall(r"`(\w+)`", section(readme(service), "Consumes")))

    assert named == {it.__name__ for it in streams.consumed(service)}


@every_service()
def test_a_readme_names_what_the_service_emits(service: str) -> None:
    named = set(re.findall(r"`(\w+)`", section(readme(service), "Emits")))

    events = registry.REGISTRY.values()
    assert named == {it.__name__ for it in events if service in streams.emitters(it)}


@every_service()
def test_a_readme_shows_the_settings(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings
    shown = [it for it in section(readme(service), "Settings").splitlines() if it.startswith("|")]

    assert shown == settings_table.render(settings).splitlines(), (
        f"paste the output of python -m services.{service} --print-settings"
    )


@every_service()
def test_a_readme_names_jobs_and_their_steps(service: str) -> None:
    shown = {
        name: re.findall(r"`(\w+)`", steps)
        for name, steps in re.findall(
            r"^\| `(\w+)` \| (.+) \|$", section(readme(service), "Works"), re.MULTILINE
        )
    }

    assert shown == jobs_in([module for _, module in CHECKOUT.parsed(f"services/{service}")])


def test_documents_name_commands_that_exist() -> None:
    known = typer.main.get_command(app)
    named = {
        tuple(words.split())
        for path in CHECKOUT.files
        if path.suffix == ".md"
        for words in COMMAND.findall(path.read_text(encoding="utf-8"))
    }

    assert named
    assert sorted(words for words in named if not is_command(known, words)) == []


def test_documents_name_the_command_where_setup_puts_it() -> None:
    bare = re.compile(r"(?:^|`)fediversity [a-z]")

    found = [
        f"{CHECKOUT.name(path)}: {line}"
        for path in CHECKOUT.files
        if path.suffix == ".md"
        for line in path.read_text(encoding="utf-8").splitlines()
        if bare.search(line)
    ]
    assert found == []


def test_integration_and_story_tests_start_what_a_module_shares_once() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    [line] = [it for it in makefile.splitlines() if "tests/stories" in it]
    assert "--dist loadscope" in line


def is_command(command: object, words: tuple[str, ...]) -> bool:
    """Say whether words lead to a command; what follows a command are its arguments."""
    below: dict[str, object] | None = getattr(command, "commands", None)
    if below is None or not words:
        return True
    return words[0] in below and is_command(below[words[0]], words[1:])


def test_jobs_are_found_in_code() -> None:
    names = ast.parse("BOOT = 'boot'")
    module = ast.parse("jobs.Kind(name='run', steps=(jobs.Step(BOOT, do),))")

    assert jobs_in([names, module]) == {"run": ["boot"]}


def jobs_in(modules: list[ast.Module]) -> dict[str, list[str]]:
    """Return name and steps of each kind of job that a service declares."""
    constants = {name: text for it in modules for name, text in _constants(it)}
    found = {}
    for module in modules:
        for kind in _calls(module, "jobs.Kind"):
            given = {keyword.arg: keyword.value for keyword in kind.keywords}
            # One step alone may stand in a variable.
            steps = _calls(given["steps"], "jobs.Step") or _calls(module, "jobs.Step")
            found[_text(given["name"], constants)] = [_text(it.args[0], constants) for it in steps]
    return found


def _calls(tree: ast.AST, name: str) -> list[ast.Call]:
    """Return the calls of a function, in the order in which they are written."""
    calls = [it for it in ast.walk(tree) if isinstance(it, ast.Call)]
    chosen = [it for it in calls if ast.unparse(it.func) == name]
    return sorted(chosen, key=lambda it: (it.lineno, it.col_offset))


def _constants(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the texts that a module gives names to."""
    for it in module.body:
        target = it.targets[0] if isinstance(it, ast.Assign) else getattr(it, "target", None)
        match target, getattr(it, "value", None):
            case ast.Name(id=name), ast.Constant(value=str(text)):
                yield name, text
            case ast.Tuple(elts=names), ast.Tuple(elts=texts):
                for one, value in zip(names, texts, strict=True):
                    yield ast.unparse(one), ast.literal_eval(value)
            case _:
                pass


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return constants[ast.unparse(node).rsplit(".", 1)[-1]]


def test_the_openapi_document_is_the_one_that_the_panel_serves() -> None:
    kept = (ROOT / "docs" / "api" / "openapi.json").read_text(encoding="utf-8")

    assert kept == document.written(create_documented_app(Rates()).openapi()), "run make openapi"
