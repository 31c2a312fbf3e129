"""The host's own apt sources, as far as they are the distribution's: images are built from them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from shared import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COMPONENT: Final = "main"
_LINE: Final = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)$")


def read(folder: Path, suite: str) -> str:
    """Return the sources below an apt folder that hold a suite and its updates, for mmdebstrap.

    Whatever else a host installs from (a vendor's repository, say) stays out of its machines.

    Raises:
        InvalidError: there is none.
    """
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    texts = {it: it.read_text(encoding="utf-8") for it in files if it.is_file()}
    stanzas = [
        stanza
        for path, text in texts.items()
        for stanza in (_stanzas(text) if path.suffix == ".sources" else _lines(text))
    ]
    chosen = [it for it in stanzas if _is_of(it, suite)]
    if not any(suite in it["Suites"].split() for it in chosen):
        raise errors.InvalidError(
            "machine.no_sources",
            f"no apt source of this host offers {suite} {COMPONENT}; add one to {folder}, "
            "or set the suite that its machines are made from",
        )
    return "\n".join("".join(f"{key}: {it[key]}\n" for key in it) for it in chosen)


def _is_of(stanza: Mapping[str, str], suite: str) -> bool:
    ours = {suite, f"{suite}-updates", f"{suite}-security", f"{suite}/updates"}
    return (
        "deb" in stanza.get("Types", "").split()
        and stanza.get("Enabled", "yes") != "no"
        and {*stanza.get("Suites", "").split()} <= ours
        and COMPONENT in stanza.get("Components", "").split()
    )


def _stanzas(text: str) -> Iterator[Mapping[str, str]]:
    """Read the deb822 form."""
    for block in re.split(r"\n\s*\n", text):
        stanza: dict[str, str] = {}
        for line in block.splitlines():
            key, colon, value = line.partition(":")
            if line.startswith("#") or not line.strip():
                continue
            if line[0].isspace() and stanza:
                last = list(stanza)[-1]
                stanza[last] += f"\n{line}"
            elif colon:
                stanza[key.strip()] = value.strip()
        if stanza:
            yield stanza


def _lines(text: str) -> Iterator[Mapping[str, str]]:
    """Read the one-line form."""
    for line in text.splitlines():
        if found := _LINE.match(line.partition("#")[0].strip()):
            options = dict(
                it.split("=", 1) for it in re.findall(r"[\w-]+=\S+", line.partition("]")[0])
            )
            yield {
                "Types": "deb",
                "URIs": found[1],
                "Suites": found[2],
                "Components": found[3],
                **({"Signed-By": options["signed-by"]} if "signed-by" in options else {}),
                **({"Trusted": options["trusted"]} if "trusted" in options else {}),
            }
