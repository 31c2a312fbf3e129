"""Reading the catalogue: every package of every folder, every mistake of all of them at once."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from shared import documents

from . import wording
from .application import SECRET_OPTION, Application
from .requests import Catalogue, is_media_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from shared.documents import Problems, Table

APPLICATION_FILE: Final = "application.toml"
OPTIONS_FILE: Final = "options.schema.json"
NAME_IN_BUCKETS: Final = 12
"""As much of an application's name as fits into the name of a bucket."""


def load(folders: Sequence[Path]) -> Catalogue:
    """Read every application package below these folders.

    Raises:
        InvalidError: a package is not one; every mistake is named by file and place.
    """
    problems: Problems = {}
    found: list[Application] = []
    for package in _packages(folders, problems):
        application, mistakes = _read(package)
        problems |= {f"{package.name}/{where}": reason for where, reason in mistakes.items()}
        found += [application] if application else []
    problems |= _clashes(found)
    if problems:
        raise documents.refusal("catalogue.invalid", "the catalogue", problems)
    return Catalogue({it.name: it for it in found})


def _packages(folders: Sequence[Path], problems: Problems) -> Iterator[Path]:
    for folder in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            problems[str(folder)] = f"is no catalogue folder: {error.strerror}"
            continue
        yield from (it for it in entries if it.is_dir() and not it.name.startswith((".", "_")))


def _read(package: Path) -> tuple[Application | None, Problems]:
    problems: Problems = {}
    if not re.fullmatch(documents.NAME, package.name) or package.name[:NAME_IN_BUCKETS].endswith(
        "-"
    ):
        problems["."] = f"must be named like {documents.NAME}, no hyphen at {NAME_IN_BUCKETS}"
    schema, mistakes = _options_schema(package / OPTIONS_FILE)
    problems |= _within(OPTIONS_FILE, mistakes)
    tables, mistakes = documents.read(package / APPLICATION_FILE)
    application = None
    if not mistakes:
        said = frozenset({str(tables.get("description")), *wording.sentences(schema)})
        wordings, wrong = wording.read(package, said)
        problems |= wrong
        context = {
            "name": package.name,
            "folder": package.resolve(),
            "options_schema": schema,
            "wordings": wordings,
        }
        application, mistakes = documents.check(Application, tables, context)
    problems |= _within(APPLICATION_FILE, mistakes)
    if application:
        problems |= _within(APPLICATION_FILE, _contradictions(application))
    return application, problems


def _within(file: str, problems: Problems) -> Problems:
    return {f"{file} {where}": reason for where, reason in problems.items()}


def _options_schema(path: Path) -> tuple[dict[str, Any], Problems]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, {documents.WHOLE: f"cannot be read: {error.strerror}"}
    except ValueError as error:
        return {}, {documents.WHOLE: f"is not valid JSON: {error}"}
    expected = {"type": "object", "additionalProperties": False}
    if not isinstance(schema, dict) or not isinstance(schema.get("properties", {}), dict):
        return {}, {documents.WHOLE: "must be a JSON Schema with an object of `properties`"}
    wrong = [name for name, value in expected.items() if schema.get(name) != value]
    return schema, {name: f"must be {json.dumps(expected[name])}" for name in wrong}


def _contradictions(it: Application) -> Problems:
    """Return what no single value of a package shows to be wrong."""
    units = [unit.name for unit in it.standalone.units]
    purposes = [bucket.purpose for bucket in it.buckets]
    carried = [bucket.purpose for bucket in it.state.buckets]
    options = it.options_schema.get("properties", {})
    visible = [name for name, option in options.items() if not option.get(SECRET_OPTION)]
    problems: Problems = {
        f"buckets[{number}].when.{name}": "must be an option that is not secret"
        for number, bucket in enumerate(it.buckets)
        for name in bucket.when
        if name not in visible
    }
    problems |= _repeated("versions", it.versions)
    problems |= _repeated("buckets", purposes)
    problems |= _repeated("state.buckets", carried)
    problems |= _repeated("state.secrets", [secret.name for secret in it.state.secrets])
    problems |= _repeated("standalone.units", units)
    problems |= _strangers("immutable", it.immutable, options, "an option")
    problems |= _strangers("state.buckets", carried, purposes, "a bucket of this application")
    for name, listed in it.state.units:
        problems |= _strangers(f"state.units.{name}", listed, units, "a unit of this application")
    for purpose in sorted(set(purposes) - set(carried)):
        problems[f"state.buckets {purpose}"] = "is missing; say what of this bucket has to travel"
    return problems | _secrets(it, purposes, options) | _media(it)


def _secrets(it: Application, purposes: Sequence[str], options: Table) -> Problems:
    """Return the secrets that nobody makes, and those that two would make."""
    given = {f"bucket-{purpose}" for purpose in purposes}
    given |= {f"option-{name}" for name, option in options.items() if option.get(SECRET_OPTION)}
    problems: Problems = {}
    for secret in it.state.secrets:
        if secret.generate is None and secret.name not in given:
            problems[f"state.secrets {secret.name}"] = "is made by nobody; say how to `generate` it"
        if secret.generate is not None and secret.name.startswith(("bucket-", "option-")):
            problems[f"state.secrets {secret.name}"] = "is given to the application; not generated"
    passwords = [secret.name for secret in it.state.secrets if secret.generate]
    if it.administrator is not None:
        problems |= _strangers(
            "administrator.secret", [it.administrator.secret], passwords, "a generated secret"
        )
    return problems


def _media(it: Application) -> Problems:
    public = [bucket.purpose for bucket in it.buckets if bucket.public]
    problems: Problems = {}
    if len(public) > 1:
        # They would share one host, and objects of the same name.
        problems["buckets"] = f"only one can be public, not {', '.join(public)}"
    if is_media_label(it.host_label):
        problems["host_label"] = "is kept for media hosts; choose another"
    return problems


def _repeated(place: str, names: Iterable[str]) -> Problems:
    return {
        f"{place} {name}": "is there more than once; keep one"
        for name, count in Counter(names).items()
        if count > 1
    }


def _strangers(place: str, names: Iterable[str], known: Iterable[str], what: str) -> Problems:
    return {f"{place} {name}": f"is not {what}" for name in sorted(set(names) - set(known))}


def _clashes(applications: Sequence[Application]) -> Problems:
    """Return what two applications cannot both have."""
    places: tuple[tuple[str, Callable[[Application], Iterable[str]]], ...] = (
        (f"name (its first {NAME_IN_BUCKETS} characters)", lambda it: [it.name[:NAME_IN_BUCKETS]]),
        ("unit", lambda it: {unit.name for unit in it.standalone.units}),
    )
    problems: Problems = {}
    for what, names in places:
        owners: dict[str, Application] = {}
        for application in applications:
            for name in names(application):
                first = owners.setdefault(name, application)
                if first is not application:
                    reason = f"{first.folder} has the same {what}: {name}; rename one of them"
                    problems[f"{application.folder} {name}"] = reason
    return problems
