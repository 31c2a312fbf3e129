"""Rendering: templates, each compiled once in a process, become pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from shared import ids

from . import languages, shell
from .presenters import moments, people, quantities

if TYPE_CHECKING:
    from starlette.requests import Request

    from .shell import Site
    from .statics import Statics

TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Pages:
    """The templates, ready to be filled."""

    environment: Environment
    site: Site

    def render(self, name: str, **values: object) -> str:
        """Return a filled template without surroundings, such as a part of a page."""
        return self.environment.get_template(name).render(**values)

    def answer(
        self, request: Request, name: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """Answer a request with a page."""
        surroundings = {
            "shell": replace(shell.surrounding(request), banner=self.site.notice()),
            "tongue": languages.spoken(),
            "path": request.url.path,
        }
        return HTMLResponse(self.render(name, **surroundings, **values), status_code=status)


def load(statics: Statics, site: Site) -> Pages:
    """Return the templates; each is compiled when it is first shown, and kept."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        cache_size=-1,
    )
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
        languages.gettext, languages.ngettext, newstyle=True
    )
    environment.globals |= {
        "static": statics.address,
        "site": site,
        "navigation": shell.NAVIGATION,
        "deployment_pages": shell.DEPLOYMENT,
        "account": shell.ACCOUNT,
        "provider_navigation": shell.PROVIDER,
        "new_key": ids.new_id,
        "languages_offered": people.offered_languages,
    }
    environment.filters |= {
        "moment": moments.moment,
        "hour": moments.hour,
        "day": moments.day,
        "ago": moments.ago,
        "iso": moments.iso,
        "duration": moments.duration,
        "size": quantities.size,
        "number": quantities.number,
        "titled": site.title_of,
    }
    return Pages(environment, site)
