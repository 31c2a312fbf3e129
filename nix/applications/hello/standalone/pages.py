"""What the site answers: the page, the visitors' book as JSON, its style, and its health."""

from __future__ import annotations

import json
import re

import languages
from book import RefusedError
from server import Answer
from store import StoreError

TYPE_CHECKING = False  # the module `typing` starts slowly
if TYPE_CHECKING:
    from typing import TypedDict

    from book import ClosedBook, Entry, VisitorsBook
    from server import Request

    class Options(TypedDict):
        """What the operator chose."""

        title: str
        colour: str
        languages: list[str]
        visitors_book: bool


ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
COLOUR = re.compile(r"#[0-9a-f]{6}")
HTML = "text/html; charset=utf-8"
STYLE = """
body { font-family: system-ui, sans-serif; line-height: 1.5; max-width: 40rem; margin: 3rem auto;
  padding: 0 1rem; color: #1b1b1b; background: #fff; }
h1 { border-bottom: .25rem solid %s; }
label { display: block; margin-top: .75rem; }
input, textarea { width: 100%%; box-sizing: border-box; font: inherit; padding: .4rem; }
button { font: inherit; margin: .75rem 0; padding: .4rem 1rem; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: .25rem solid %s; }
"""


class Site:
    """One operator's site."""

    def __init__(self, options: Options, book: VisitorsBook | ClosedBook) -> None:
        if not COLOUR.fullmatch(options["colour"]):
            raise ValueError(f"{options['colour']!r} is not a colour such as #2f6f4f")
        self._title = escape(options["title"])
        self._colour = options["colour"]
        self._languages = options["languages"]
        self._book = book

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        known = {
            "/": ("GET", self._page),
            "/style.css": ("GET", self._style),
            "/book.json": ("GET", self._entries),
            "/book": ("POST", self._sign),
            "/healthz": ("GET", self._health),
        }
        if request.path not in known:
            return Answer(404, "There is nothing here.\n")
        method, do = known[request.path]
        if request.method != method:
            return Answer(405, "Not with this method.\n", fields={"allow": method})
        try:
            return do(request)
        except StoreError as error:
            return Answer(503, f"{error}\n", fields={"retry-after": "5"})
        except RefusedError as error:
            return Answer(422, f"{error}\n")

    def _health(self, _: Request) -> Answer:
        self._book.check()
        return Answer(200, "ok\n")

    def _style(self, _: Request) -> Answer:
        return Answer(200, STYLE % (self._colour, self._colour), kind="text/css; charset=utf-8")

    def _entries(self, _: Request) -> Answer:
        text = json.dumps({"entries": self._book.entries()}, ensure_ascii=False)
        return Answer(200, text, kind="application/json")

    def _sign(self, request: Request) -> Answer:
        # Browsers say where a form was sent from; other sites' forms are not welcome.
        if request.field("sec-fetch-site") not in ("", "same-origin", "none"):
            return Answer(403, "Forms of other sites are not accepted.\n")
        wants_json = request.field("content-type").startswith("application/json")
        given = _json_fields(request.body) if wants_json else _form_fields(request.body)
        entry = self._book.sign(given.get("name", ""), given.get("text", ""))
        if wants_json:
            return Answer(201, json.dumps(entry), kind="application/json")
        return Answer(303, "", fields={"location": "/"})

    def _page(self, request: Request) -> Answer:
        language = languages.chosen(self._languages, request.field("accept-language"))
        text = {name: escape(it) for name, it in languages.TEXTS[language].items()}
        page = (
            f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width">\n'
            f'<title>{self._title}</title>\n<link rel="stylesheet" href="/style.css">\n</head>\n'
            f"<body>\n<main>\n<h1>{self._title}</h1>\n<p>{text['greeting']}</p>\n"
            f"{self._book_part(text)}</main>\n</body>\n</html>\n"
        )
        fields = {"content-language": language, "vary": "accept-language"}
        return Answer(200, page, kind=HTML, fields=fields)

    def _book_part(self, text: dict[str, str]) -> str:
        if not self._book.is_open:
            return ""
        try:
            entries = "".join(map(_quote, self._book.entries())) or f"<p>{text['empty']}</p>\n"
        except StoreError:
            entries = f"<p>{text['away']}</p>\n"
        return (
            f'<h2>{text["book"]}</h2>\n<form method="post" action="/book">\n'
            f'<label>{text["name"]} <input name="name" required maxlength="60"></label>\n'
            f'<label>{text["text"]} <textarea name="text" required maxlength="500"></textarea>'
            f"</label>\n<button>{text['sign']}</button>\n</form>\n{entries}"
        )


def escape(text: str) -> str:
    """Return a text that is nothing but text in HTML, also inside quotes."""
    return text.translate(ESCAPES)


def _quote(entry: Entry) -> str:
    name, text, at = (escape(entry[it]) for it in ("name", "text", "at"))
    return f'<blockquote>{text}<br>— {name}, <time datetime="{at}">{at}</time></blockquote>\n'


def _form_fields(body: bytes) -> dict[str, str]:
    from urllib.parse import parse_qs  # noqa: PLC0415 - takes a while to start; few visitors sign

    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=8)
    except ValueError as error:
        raise RefusedError("this is not a form") from error
    return {name: values[0] for name, values in found.items()}


def _json_fields(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("this is not JSON") from error
    if not isinstance(found, dict):
        raise RefusedError("an entry is an object with name and text")
    return {name: it for name, it in found.items() if isinstance(it, str)}
