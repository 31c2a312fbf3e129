"""Documents: TOML files that people write, checked as a whole, every mistake named at once.

A mistake is shown by its place in the file, such as `zones[0].suffix`, with what to do about it.
Values are never repeated: a secret may stand where it must not.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from . import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
Table = dict[str, Any]
Problems = dict[str, str]
"""Place in the file → what is wrong and what to do."""
WHOLE: Final = "file"
NAME: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
HOST: Final = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


class Section(BaseModel):
    """A table of a document: frozen, exact in its types, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def read(path: Path) -> tuple[Table, Problems]:
    """Return the tables of a TOML file, or what keeps it from being read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), {}
    except OSError as error:
        return {}, {WHOLE: f"cannot be read: {error.strerror}"}
    except UnicodeDecodeError:
        return {}, {WHOLE: "is not UTF-8 text; save it as UTF-8"}
    except tomllib.TOMLDecodeError as error:
        return {}, {WHOLE: f"is not valid TOML: {error}"}


def check(model: type[M], tables: Table, context: Mapping[str, Any]) -> tuple[M | None, Problems]:
    """Return a document as its model, or everything that keeps it from being one."""
    try:
        # Only JSON mode is strict about types and still reads arrays as tuples and texts as paths.
        return model.model_validate_json(json.dumps(tables, default=str), context=dict(context)), {}
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = {place(it["loc"]): _reason(model, it) for it in found}
        # An array whose only entry is wrong also counts as too short.
        inner = tuple(problems)
        return None, {
            where: reason
            for where, reason in problems.items()
            if not any(it.startswith(f"{where}[") for it in inner)
        }


def place(location: Sequence[str | int]) -> str:
    """Return where in the file something is: `zones[0].suffix`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".").removesuffix(".[key]") or WHOLE


def repeated(tables: Table, array: str, key: str) -> Problems:
    """Return the entries of an array of tables whose `key` another entry has already."""
    entries = tables.get(array)
    found: Problems = {}
    seen: dict[object, int] = {}
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        value = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(value, str):
            continue
        first = seen.setdefault(value, number)
        if first != number:
            reason = f"is the same as {array}[{first}].{key}; choose another"
            found[f"{array}[{number}].{key}"] = reason
    return found


def refusal(code: str, what: str, problems: Problems) -> errors.InvalidError:
    """Return the one error that lists every problem."""
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    lines = "".join(f"\n  {where}: {reason}" for where, reason in sorted(problems.items()))
    return errors.InvalidError(
        code, f"{what} has {count}; correct and try again:{lines}", details=problems
    )


def _reason(model: type[BaseModel], problem: ErrorDetails) -> str:
    *above, last = problem["loc"] or (WHOLE,)
    match problem["type"]:
        case "missing":
            return "is missing; add it"
        case "extra_forbidden":
            return _unknown(str(last), sorted(_fields(model, above)))
        case "value_error":
            return str(problem["ctx"]["error"])
        case "string_pattern_mismatch":
            return f"must match {problem['ctx']['pattern']}"
        case _:
            return problem["msg"].replace("Input should be", "must be")


def _unknown(key: str, known: Sequence[str]) -> str:
    if f"{key}_file" in known:
        return f"a secret never stands in this file; name a file that holds it: `{key}_file`"
    close = difflib.get_close_matches(key, known, n=1)
    hint = (
        f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known) or 'nothing'}"
    )
    return f"is not known here; {hint}"


def _fields(annotation: object, location: Sequence[str | int]) -> Iterable[str]:
    """Return the keys that may stand at a place of a document."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        if not location:
            return fields
        field = fields.get(str(location[0]))
        return _fields(field.annotation, location[1:]) if field else ()
    step = 1 if get_origin(annotation) in {dict, tuple, list} else 0
    return next(filter(None, _within(annotation, location[step:])), ())


def _within(annotation: object, location: Sequence[str | int]) -> Iterator[Sequence[str]]:
    if get_origin(annotation) in {dict, tuple, list, Union, UnionType, Annotated}:
        for argument in get_args(annotation):
            yield tuple(_fields(argument, location))
