"""Sentences: what the domain says to people, in English, and how it is said in other languages.

A sentence is its own key in the catalogues of translations. One with values in it keeps its
template beside them:

    raise errors.ConflictError("backup.in_use", say("Run {number} restores this.", number=3))

It is plain English wherever it goes, and `retell` says it in another language. A value that is
made of words has to be a sentence itself. What is only text is a sentence without values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self


class Sentence(str):
    """A sentence in English that knows its template and the values in it."""

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object]) -> Self:
        """Return the sentence with its values filled in."""
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made

    @override
    def __getnewargs__(self) -> tuple[str, Mapping[str, object]]:  # type: ignore[override]
        # What copies a sentence makes it anew: from these, not from its text.
        return (self.template, self.values)


def N_(text: str) -> str:  # noqa: N802 - what tools that collect sentences look for
    """Mark a sentence for translators; it is translated where it is shown."""
    return text


def say(template: str, /, **values: object) -> Sentence:
    """Return a sentence with values in it."""
    return Sentence(template, values)


def together(said: Iterable[str], between: str = " ") -> Sentence:
    """Return sentences one after the other, as one text."""
    values = {f"part{number}": _sentence(it) for number, it in enumerate(said)}
    return Sentence(between.join(f"{{{name}}}" for name in values), values)


def retell(text: str, translate: Callable[[str], str]) -> str:
    """Return a sentence as `translate` says it; what it does not know stays as it is."""
    if not isinstance(text, Sentence):
        return translate(text) if text else ""
    values = {
        name: retell(it, translate) if isinstance(it, Sentence) else it
        for name, it in text.values.items()
    }
    return translate(text.template).format(**values)


def _sentence(text: str) -> Sentence:
    if isinstance(text, Sentence):
        return text
    return Sentence("{text}" if set(text) & set("{}") else text, {"text": text})
