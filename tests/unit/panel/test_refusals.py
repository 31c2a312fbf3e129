"""Whatever refuses something says why in a sentence that can be translated."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.panel.domain.failures import KNOWN
from services.panel.web.presenters.refusals import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[3]
PANEL: Final = ROOT / "services" / "panel"
OTHERS: Final = ("deployer", "provisioner", "storage", "panel")
# What REST and the command line alone say stays English.
PLACES: Final = ("domain", "service", "ports", "adapters", "web")
REFUSALS: Final = frozenset(
    {
        *("InvalidError", "NotFoundError", "ConflictError", "ForbiddenError"),
        *("QuotaExceededError", "StaleError", "_invalid"),
    }
)
SENTENCE: Final = re.compile(r"(?=[A-Z{])(?=.* ).*[.!?]\Z", re.DOTALL)
MARKS: Final = frozenset({"N_", "_", "say", "together"})
ELSEWHERE: Final = {
    "application.no_reason": "marked two lines above",
    "application.unknown": "made by say above",
    "application.version": "made by say above",
    "application.withheld": "made by say above",
    "activity.day": "said in the language of the request already",
    "backup.{}": "marked in a table",
    "configuration.invalid": "the first of the reasons, which are made by say",
    "domain.taken": "made by say above",
    "draft.empty": "marked above",
    "host.taken": "made by say in service/hosts.py",
    "invitation.code": "marked above",
    "notice.empty": "marked two lines above",
    "password.not_same": "said in the language of the request already",
    "password.weak": "made by say where the password is judged",
    "person.email_needed": "marked above",
    "person.time_zone": "marked above",
    "run.ended": "marked in a table",
    "webhook.url": "made where the URL is read",
    "{}.{}": "made where the name is read",
    "{}.idn": "made by say above",
    "{}.stale": "marked in a table",
}
"""Codes whose sentence stands in a name or a table, and where it is marked."""
ENGLISH: Final = {
    "mail.refused": "for the log: no page shows it",
    "mail.unwritable": "for the log: no page shows it",
    "operator.not_found": "read by whoever runs `create-admin` on a command line",
    "run.state": "a mistake of ours: no page leads to it",
    "token.scope": "only a program can meet it: sessions have other codes",
}
"""Codes that stay English, and why."""

TOLD_IN_ENGLISH: Final = {
    "domain/options.py: This must be {}.": "REST says it: a form has its own sentences",
}
"""Sentences with values in them that stay English, and why."""


def test_every_refusal_can_be_said_in_another_language() -> None:
    found = [
        f"{path.relative_to(PANEL)}: {code}"
        for place in PLACES
        for path in sorted((PANEL / place).rglob("*.py"))
        for code in untranslatable(path.read_text(encoding="utf-8"))
        if code not in SENTENCES and code not in ENGLISH
    ]

    assert found == [], (
        "write the sentence as plain text or with say(…), or name the code and a reason here"
    )


def test_every_sentence_that_is_returned_can_be_said_in_another_language() -> None:
    found = {
        f"{path.relative_to(PANEL)}: {text}"
        for place in PLACES
        for path in sorted((PANEL / place).rglob("*.py"))
        for text in filled_in(path.read_text(encoding="utf-8"))
    }

    assert found == TOLD_IN_ENGLISH.keys(), "write it with say(…), or say here who reads it"


def test_a_returned_sentence_that_nobody_can_translate_is_noticed() -> None:
    planted = """
def why(phase):
    if phase:
        return f"The moon is {phase}."
    return Answer(reason=f"It is {phase} already." if phase else "")
"""

    assert list(filled_in(planted)) == ["The moon is {}.", "It is {} already."]
    assert list(filled_in('def why(it): return say("The moon is {it}.", it=it)')) == []
    assert list(filled_in('def path(it): return f"/runs/{it}"')) == []


def test_no_code_is_excused_that_nothing_refuses_with() -> None:
    used = {
        code
        for place in PLACES
        for path in (PANEL / place).rglob("*.py")
        for code, _ in refusals(path.read_text(encoding="utf-8"))
    }

    assert (ELSEWHERE.keys() | ENGLISH.keys()) - used == set()


def test_a_refusal_that_nobody_can_translate_is_noticed() -> None:
    planted = 'raise errors.ConflictError("moon.full", f"The moon is {phase}.")\n'
    fine = 'raise errors.ConflictError("moon.full", say("The moon is {phase}.", phase=phase))\n'

    assert list(untranslatable(planted)) == ["moon.full"]
    assert list(untranslatable(fine)) == []


def test_every_failure_that_has_a_sentence_is_one_that_a_service_tells() -> None:
    sources = [
        path.read_text(encoding="utf-8")
        for folder in (*(ROOT / "services" / it for it in OTHERS), ROOT / "shared")
        for path in folder.rglob("*.py")
        if path.name != "failures.py" or folder.name == "shared"
    ]
    unknown = [it for it in KNOWN if not any(f'"{it}"' in text for text in sources)]

    assert unknown == []


def untranslatable(source: str) -> Iterator[str]:
    """Yield the codes of refusals whose sentence no translator is shown."""
    for code, message in refusals(source):
        is_text = isinstance(message, ast.Constant)
        is_marked = isinstance(message, ast.Call) and name_of(message) in MARKS
        if not is_text and not is_marked and code not in ELSEWHERE:
            yield code


def filled_in(source: str) -> Iterator[str]:
    """Yield the sentences with values in them that are returned, or given as a reason, untold."""
    for node in ast.walk(ast.parse(source)):
        given = node.value if isinstance(node, ast.Return | ast.Yield) else None
        if isinstance(node, ast.keyword) and node.arg in {"reason", "message", "text", "title"}:
            given = node.value
        choices = (given.body, given.orelse) if isinstance(given, ast.IfExp) else (given,)
        for it in choices:
            text = text_of(it) if isinstance(it, ast.JoinedStr) else ""
            if SENTENCE.match(text):
                yield text


def refusals(source: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield code and message of every refusal in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and name_of(node) in REFUSALS and node.args:
            is_alone = len(node.args) == 1
            if is_alone and name_of(node) != "_invalid":
                continue  # says what its class says
            code = "an URL" if is_alone else text_of(node.args[0])
            if code:
                yield code, node.args[0 if is_alone else 1]


def name_of(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def text_of(node: ast.expr) -> str:
    """Return a code, with {} for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(it.value) if isinstance(it, ast.Constant) else "{}" for it in values)
        case _:
            return ""
