"""A look at many views in one browser: each at a desk in the light and on a phone in the dark.

A page is opened once, looked into, and then looked at again in the other shape: narrower and in
other colours, in which only that can be different which the second look asks about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from playwright.async_api import Error

from tests.support.browsers import (
    DESK,
    HEIGHT,
    PHONE,
    STANDARDS,
    Look,
    barriers,
    become,
    home_of,
    keep,
    window,
)
from tests.support.views.view import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from playwright.async_api import Browser, Page, Response

    from tests.support.views.view import Stage, View

SHAPES: Final[Mapping[Look, Mapping[str, object]]] = {
    Look(width=DESK): STANDARDS,
    Look(width=PHONE, is_dark=True): {
        "runOnly": {
            "type": "rule",
            "values": [
                *("color-contrast", "target-size", "scrollable-region-focusable"),
                *("page-has-heading-one", "landmark-unique", "region", "list", "listitem"),
                *("aria-required-children", "aria-required-parent", "aria-hidden-focus"),
            ],
        },
        "resultTypes": ["violations"],
    },
}
"""How every view is looked at, and by which rules of axe-core."""
SEND: Final = """([action, media, pairs]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action });
  form.enctype = media;
  for (const [name, value] of pairs)
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  document.body.append(form);
  setTimeout(() => form.submit());
}"""
FAULTS: Final = """async () => {
  await document.fonts.ready;
  const root = document.documentElement, found = [];
  const wide = root.scrollWidth - window.innerWidth;
  if (wide > 0) found.push(`${wide} px too wide`);
  const first = document.querySelectorAll("main .button.primary").length;
  if (first > 1) found.push(`${first} primary buttons`);
  const moving = document.getAnimations().filter((it) => it.playState === "running").length;
  if (moving) found.push(`${moving} things move although nothing is to move`);
  const wanted = document.querySelector("[data-focus]");
  if (wanted && wanted !== document.activeElement) found.push("the mistakes have no focus");
  return found;
}"""


@dataclass(kw_only=True)
class Sweep:
    """A browser that goes from view to view."""

    page: Page
    url: str
    stage: Stage
    complaints: list[str]
    who: str = NOBODY
    found: list[str] = field(default_factory=list)
    """What is wrong, with the name of the view."""

    async def look_at(self, view: View) -> None:
        """Open a view, and look at it in every shape."""
        if view.who != self.who:
            await become(self.page.context, self.stage.people[view.who], self.url)
            self.who = view.who
        faults: list[str] = []
        try:
            faults += await self._open(view)
            for how, rules in SHAPES.items():
                faults += await self._judge(view, how, rules)
        except Error as error:
            faults.append(f"the browser gave up: {error}")
        faults += self.complaints
        self.complaints.clear()
        self.found += [f"{view.name}: {it}" for it in faults]

    async def _open(self, view: View) -> list[str]:
        address = self.stage.filled(view.address)
        answer = await (self.page.goto(address) if view.form is None else self._send(view, address))
        status = answer.status if answer else 0
        if status == view.status:
            return []
        return [f"{status} instead of {view.status} at {address}"]

    async def _send(self, view: View, address: str) -> Response:
        """Send a form from whatever page is open: it is one of the panel."""
        form = {name: [it] if isinstance(it, str) else it for name, it in (view.form or {}).items()}
        pairs = [(name, self.stage.filled(it)) for name, them in form.items() for it in them]
        async with self.page.expect_navigation() as moved:
            await self.page.evaluate(SEND, [home_of(self.url) + address, view.media, pairs])
        return await moved.value

    async def _judge(self, view: View, how: Look, rules: Mapping[str, object]) -> list[str]:
        await self.page.set_viewport_size({"width": how.width, "height": HEIGHT})
        await self.page.emulate_media(color_scheme=how.scheme)
        faults = [*await self.page.evaluate(FAULTS), *await barriers(self.page, rules)]
        await keep(self.page, view.name, how)
        return [f"{how.name}: {it}" for it in faults]


async def sweep(browser: Browser, url: str, stage: Stage, views: Iterable[View]) -> str:
    """Return what is wrong with views, a line each; nothing, if all is well."""
    complaints: list[str] = []
    first = next(iter(SHAPES))
    async with window(browser, url, first, complaints) as page:
        # Forms are sent from a page of the panel, or they would come from elsewhere.
        await page.goto("/sign-in")
        going = Sweep(page=page, url=url, stage=stage, complaints=complaints)
        for view in views:
            await going.look_at(view)
    return "\n".join(going.found)
