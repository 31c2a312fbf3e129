"""Pages as a person without scripts uses them: a page is read, its form filled in and sent."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.support.forms import changed, submitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2

    from tests.support.forms import Pairs

FORM = "application/x-www-form-urlencoded"


async def read(browser: httpx2.AsyncClient, path: str, status: int = 200) -> str:
    """Return a page."""
    answer = await browser.get(path)
    assert answer.status_code == status, (answer.status_code, text_of(answer.text)[:2000])
    return answer.text


async def post(browser: httpx2.AsyncClient, path: str, pairs: Pairs) -> httpx2.Response:
    """Send a form."""
    return await browser.post(
        path,
        content=urlencode(pairs, errors="surrogatepass"),
        headers={"Content-Type": FORM},
    )


async def send(
    browser: httpx2.AsyncClient, path: str, action: str = "", **fields: str | Sequence[str] | None
) -> httpx2.Response:
    """Read a page, change what stands in its form, and send it."""
    goal = action or path
    page = await read(browser, path)
    pairs = submitted(page, goal)
    assert pairs, f"{path} has no form to {goal}"
    return await post(browser, goal, changed(pairs, **fields))


async def follow(
    browser: httpx2.AsyncClient, path: str, action: str = "", **fields: str | Sequence[str] | None
) -> str:
    """Send a form that must be right, and return where it leads."""
    answer = await send(browser, path, action, **fields)
    assert answer.status_code == 303, (answer.status_code, summary(answer.text))
    return answer.headers["location"]


def summary(page: str) -> list[tuple[str, str]]:
    """Return the mistakes that a page lists before its form: target and text."""
    _, _, rest = page.partition('class="error-summary"')
    found = rest.partition("</ul>")[0]
    linked = re.findall(r'<li><a href="([^"]*)">(.*?)</a></li>', found, re.DOTALL)
    plain = re.findall(r"<li>(?!<a)(.*?)</li>", found, re.DOTALL)
    return [(unescape(target), unescape(text)) for target, text in linked] + [
        ("", unescape(text)) for text in plain
    ]


def text_of(page: str) -> str:
    """Return what a page says, without its mark-up."""
    main = page.partition("<main")[2] or page
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
