"""A greeting page with a visitors' book, as a small web server.

Started with the path of its configuration. Only light parts of the standard library are used: the
server has to answer within a second of its start, on an emulated processor too.
"""

from __future__ import annotations

import json
import sys

from book import ClosedBook, VisitorsBook
from pages import Site
from server import serve
from store import Bucket


def main() -> None:
    """Serve the site that the configuration describes."""
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - pathlib starts slowly
        configuration = json.load(file)
    options = configuration["options"]
    granted = configuration["buckets"].get("entries")
    book = VisitorsBook(Bucket.opened(granted)) if options["visitors_book"] else ClosedBook()
    serve(configuration["port"], Site(options, book).answer)


if __name__ == "__main__":
    main()
