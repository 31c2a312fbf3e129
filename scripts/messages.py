"""Messages: collect every sentence that people read, and bring the catalogues up to date.

    .venv/bin/python scripts/messages.py        what `make messages` runs

Nothing in a catalogue depends on when or where it was written: a second run changes nothing.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).resolve().parents[1]
PANEL: Final = ROOT / "services" / "panel"
LOCALES: Final = PANEL / "web" / "locales"
TEMPLATE: Final = LOCALES / "panel.pot"
LANGUAGES: Final = ("de", "fr", "nl")
WIDTH: Final = 98

# What REST and the command line say stays English: see docs/adr/0025.
METHODS: Final = (
    ("api/**.py", "ignore"),
    ("cli/**.py", "ignore"),
    ("**.py", "python"),
    ("web/templates/**.html", "jinja2"),
)
OPTIONS: Final = {
    "web/templates/**.html": {
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "newstyle_gettext": "true",
        "silent": "false",
    }
}
_SECOND: Final = (2,)
KEYWORDS: Final = {
    **DEFAULT_KEYWORDS,
    "N_": None,
    "say": None,
    # An error that refuses something says why in its second argument, after its code.
    "InvalidError": _SECOND,
    "NotFoundError": _SECOND,
    "ConflictError": _SECOND,
    "ForbiddenError": _SECOND,
    "QuotaExceededError": _SECOND,
    "StaleError": _SECOND,
}
# Babel writes these, and they would be others with every run or every version.
_CHANGING: Final = (
    '"Generated-By:',
    '"Last-Translator:',
    '"Language-Team:',
    '"PO-Revision-Date:',
    '"POT-Creation-Date:',
    '"Report-Msgid-Bugs-To:',
)


def collect() -> Catalog:
    """Return every sentence of the panel, in the order of its sources."""
    found = _titled(Catalog(fuzzy=False))
    extracted = extract_from_dir(PANEL, METHODS, OPTIONS, keywords=KEYWORDS)
    for path, line, message, comments, context in extracted:
        found.add(message, None, [(path, line)], auto_comments=comments, context=context)
    return found


def path_of(language: str) -> Path:
    """Return where the catalogue of a language lies."""
    return LOCALES / language / "LC_MESSAGES" / "panel.po"


def read(language: str) -> Catalog:
    """Return the catalogue of a language, empty where there is none yet."""
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def brought_up_to_date(language: str, template: Catalog) -> Catalog:
    """Return the catalogue of a language with the sentences that there are, and no others."""
    found = _titled(read(language))
    found.update(template, no_fuzzy_matching=True)
    found.obsolete.clear()
    return found


def written(catalog: Catalog) -> str:
    """Return a catalogue as its file holds it."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=WIDTH, sort_by_file=True, include_lineno=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    return "".join(it for it in lines if not it.startswith(_CHANGING)).rstrip("\n") + "\n"


def all_written() -> Mapping[Path, str]:
    """Return what every file should hold now."""
    template = collect()
    files = {TEMPLATE: written(template)}
    for language in LANGUAGES:
        files[path_of(language)] = written(brought_up_to_date(language, template))
    return files


def _titled(catalog: Catalog) -> Catalog:
    catalog.project, catalog.version = "fediversity-panel", "1"
    catalog.header_comment = "# What the panel says. `make messages` brings this up to date."
    return catalog


def main() -> None:
    """Write every file, and say what is left to translate."""
    for path, text in all_written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for language in LANGUAGES:
        left = [it for it in read(language) if it.id and not all(_forms(it.string))]
        sys.stdout.write(f"{language}: {len(left)} to translate in {path_of(language)}\n")


def _forms(string: str | Sequence[str] | None) -> Sequence[str]:
    return (string or "",) if isinstance(string, str | None) else tuple(string)


if __name__ == "__main__":
    main()
