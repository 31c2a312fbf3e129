"""Conditions: answers that did not change, and edits of what is no longer there (RFC 9110, 13).

Every JSON answer to GET has a strong tag. Where something is replaced, its tag begins with its
version, and that alone is compared with If-Match: a deploy in between, which changes what is shown
of a configuration, makes no edit of it stale.
"""

import hashlib
import re
from collections.abc import Collection
from typing import Annotated, Final

from fastapi import Depends, Header

from ..domain.refusals import UnconditionalError

_VERSION: Final = re.compile(r'"([0-9]{1,9})(?:\.[0-9a-f]+)?"')
_DIGEST_CHARACTERS: Final = 20


def version_tag(version: int) -> str:
    """Return what the tag of something with versions begins with."""
    return f'"{version}"'


def tag(content: bytes, version: str = "") -> str:
    """Return the tag of an answer.

    Args:
        content: the answer.
        version: what a route has given for its tag, if anything.
    """
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
    begin = version.strip('"')
    return f'"{begin}.{digest}"' if begin else f'"{digest}"'


def is_known(found: str, if_none_match: str) -> bool:
    """Say whether who asks has this answer already."""
    known = {it.strip().removeprefix("W/") for it in if_none_match.split(",")}
    return found in known or "*" in known


def get_expected(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag of what is to be replaced, as it was when it was looked at. "
            "Without it the answer is 428, with an old one 412; `*` replaces whatever there is.",
            examples=['"1"'],
        ),
    ] = None,
) -> Collection[int] | None:
    """Return the versions that a request may replace; None for any.

    Raises:
        UnconditionalError: it does not say.
    """
    if if_match is None:
        raise UnconditionalError(
            "request.no_if_match",
            "Say which version you replace: If-Match with the ETag that came with it.",
        )
    given = [it.strip() for it in if_match.split(",")]
    if "*" in given:
        return None
    return frozenset(int(it[1]) for it in map(_VERSION.fullmatch, given) if it)


ExpectedDependency = Annotated[Collection[int] | None, Depends(get_expected)]
