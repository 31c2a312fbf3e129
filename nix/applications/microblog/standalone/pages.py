"""The page of the blog, as HTML without scripts; what is put into it is text, never markup."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from configuration import Configuration
    from documents import Document

PAGE, WRITE, STYLE = (
    (Path(__file__).parent / name).read_text(encoding="utf-8")
    for name in ("page.html", "write.html", "style.css")
)
ARTICLE = """<article>
<p lang="{language}">{text}</p>
{picture}<a href="/posts/{id}"><time datetime="{published}">{shown}</time></a>
</article>
"""
PICTURE = '<img src="{picture}" alt="{alt}">\n'
AVATAR = '<img src="/avatars/{name}" alt="">'
OLDER = '<p><a href="/?before={id}">Older posts</a></p>\n'


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def markup(template: str, **values: object) -> Markup:
    """Fill a template; what is not markup itself is escaped."""
    safe = {
        name: it if isinstance(it, Markup) else html.escape(str(it)) for name, it in values.items()
    }
    return Markup(template.format(**safe))


def page(it: Configuration, avatar: str | None, followers: int, content: str) -> str:
    """Return a whole page around the markup in its middle."""
    return markup(
        PAGE,
        title=it.options["title"],
        description=it.options["description"],
        account=it.account,
        followers=f"{followers} follower{'' if followers == 1 else 's'}",
        avatar=markup(AVATAR, name=avatar) if avatar else Markup(),
        content=Markup(content),
    )


def articles(it: Configuration, posts: Sequence[Document], *, has_more: bool = False) -> str:
    """Return posts, one below the other, and the way to what was before them."""
    shown = [
        markup(
            ARTICLE,
            language=it.options["language"],
            shown=post["published"].replace("T", " ").removesuffix("Z"),
            **{**post, "picture": markup(PICTURE, **post) if post["picture"] else Markup()},
        )
        for post in posts
    ]
    return "".join([*shown, markup(OLDER, id=posts[-1]["id"]) if has_more else ""])
