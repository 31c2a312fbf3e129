"""The reference: the OpenAPI document as a page of plain HTML, made of local files alone.

It holds no script, so that its policy can forbid all of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from . import problems

PATH: Final = "/api/docs"
STYLE_PATH: Final = f"{PATH}/reference.css"
FOLDER: Final = Path(__file__).parent / "templates"
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A request or an answer, with the example of it."""

    name: str
    text: str
    media: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked."""

    id: str
    method: str
    path: str
    text: str
    parameters: tuple[Json, ...]
    requests: tuple[Shown, ...]
    answers: tuple[Shown, ...]


def install(app: FastAPI) -> None:
    """Serve the reference of an application."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("reference.html")
    style = (FOLDER / "reference.css").read_text(encoding="utf-8")

    @cache
    def rendered() -> str:
        document: Json = app.openapi()
        return template.render(
            document=document,
            tags=[(it, list(operations(document, it["name"]))) for it in document["tags"]],
            problems=sorted(problems.KINDS, key=lambda it: (it.status, it.name)),
            openapi=app.openapi_url,
        )

    async def show(_: Request) -> Response:
        # The same for everybody: anybody may ask for it, and it takes long to write.
        return HTMLResponse(rendered(), headers=HEADERS)

    async def show_style(_: Request) -> Response:
        return Response(style, media_type="text/css", headers=HEADERS)

    app.add_route(PATH, show, include_in_schema=False)
    app.add_route(STYLE_PATH, show_style, include_in_schema=False)


def operations(document: Json, tag: str) -> Iterator[Operation]:
    """Yield what can be asked about one subject."""
    for path, methods in document["paths"].items():
        for method, it in methods.items():
            if tag in it["tags"]:
                yield Operation(
                    id=it["operationId"],
                    method=method.upper(),
                    path=path,
                    text=it["description"],
                    parameters=tuple(it.get("parameters", ())),
                    requests=tuple(_shown(document, "", it.get("requestBody", {}))),
                    answers=tuple(
                        shown
                        for status, answer in it["responses"].items()
                        for shown in _shown(document, status, answer)
                    ),
                )


def _shown(document: Json, name: str, it: Json) -> Iterator[Shown]:
    text = str(it.get("description", ""))
    for media, content in it.get("content", {}).items():
        for example in _examples(document, content):
            yield Shown(name=name, text=text, media=media, example=_written(example))
    if name and not it.get("content"):
        yield Shown(name=name, text=text, media="", example="")


def _examples(document: Json, content: Json) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    if "examples" in content:
        return [it["value"] for it in content["examples"].values()]
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    schema = document["components"]["schemas"].get(name, {})
    return list(schema.get("examples", ()))[:1]


def _written(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2)
