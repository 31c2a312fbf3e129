"""The pages of the blog, as HTML without scripts; what is put into one is text, never markup."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posts import Draft, Post

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --line: #d6d6d6; --link: #0b5394; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --paper: #15171a; --line: #3a3d42; --link: #8ab8f0; }
}
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 40rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
header { display: flex; gap: 1rem; align-items: center; border-bottom: 1px solid var(--line); }
header img { width: 4rem; height: 4rem; border-radius: 50%; object-fit: cover; flex: none; }
h1 { font-size: 1.5rem; margin: .5rem 0 0; }
header p { margin: 0 0 .5rem; }
article, form.tool { border-bottom: 1px solid var(--line); padding: 1rem 0; }
article img { max-width: 100%; height: auto; display: block; border-radius: .5rem; }
article p { white-space: pre-line; margin: 0 0 .5rem; }
label { display: block; margin-top: .5rem; }
input, textarea { width: 100%; font: inherit; padding: .4rem; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .25rem; }
button { font: inherit; margin: .5rem .5rem 0 0; padding: .4rem 1rem; }
article form { display: inline; }
footer { padding: 1rem 0; display: flex; flex-wrap: wrap; gap: 1rem; }
footer button { margin: 0; padding: 0 .5rem; }
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def markup(template: str, **values: object) -> Markup:
    """Fill a template; what is not markup itself is escaped."""
    return Markup(
        template.format(
            **{
                name: it if isinstance(it, Markup) else html.escape(str(it))
                for name, it in values.items()
            }
        )
    )


def joined(parts: Sequence[Markup]) -> Markup:
    """Return pieces of markup in a row."""
    return Markup("".join(parts))


NOTHING = Markup("")
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<link rel="stylesheet" href="/style.css">
{links}</head>
<body>
<header>{avatar}<div><h1><a href="/">{title}</a></h1><p>{description}</p>
<p><small>{account}: {followers}</small></p></div></header>
<main>
{content}</main>
<footer>{foot}</footer>
</body>
</html>
"""
ARTICLE = """<article>
<p lang="{language}">{text}</p>
{picture}<a href="/posts/{id}"><time datetime="{published}">{shown}</time></a>
</article>
"""
POST_FORM = """<form class="tool" method="post" action="/posts" enctype="multipart/form-data">
<label>What is new? <textarea name="text" rows="4" required maxlength="5000"></textarea></label>
<label>Picture, if there is one <input type="file" name="picture"
 accept="image/png,image/jpeg,image/gif,image/webp"></label>
<label>What the picture shows <input name="alt" maxlength="1500"></label>
<button>Publish</button><button name="as" value="draft">Save the text as a draft</button>
</form>
<form class="tool" method="post" action="/avatar" enctype="multipart/form-data">
<label>Another avatar <input type="file" name="picture" required
 accept="image/png,image/jpeg,image/gif,image/webp"></label>
<button>Change it</button>
</form>
"""
SIGN_IN = """<form method="post" action="/sign-in">
<label>Name <input name="user" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required>
</label><button>Sign in</button>
</form>
"""
BUTTON = '<form method="post" action="{action}"><button>{text}</button></form>'


class Pages:
    """The pages of one blog."""

    def __init__(self, options: dict[str, Any], account: str) -> None:
        self._options = options
        self._account = account

    def page(
        self,
        content: Markup,
        profile: tuple[str | None, int],
        *,
        is_signed_in: bool = False,
        heading: str | None = None,
        links: Markup = NOTHING,
    ) -> str:
        """Return a whole page.

        Args:
            content: what is in the middle.
            profile: the avatar, and how many follow.
            is_signed_in: whether the administrator looks at it.
            heading: what the browser's tab says, if not the blog's title.
            links: what else programs should know.
        """
        avatar, followers = profile
        enter = markup('<a href="/sign-in">Sign in</a>')
        leave = markup(BUTTON, action="/sign-out", text="Sign out")
        picture = markup('<img src="/avatars/{name}" alt="">', name=avatar) if avatar else NOTHING
        return markup(
            PAGE,
            language="en",
            heading=heading or self._options["title"],
            title=self._options["title"],
            description=self._options["description"],
            account=self._account,
            followers=f"{followers} follower{'' if followers == 1 else 's'}",
            links=links,
            avatar=picture,
            content=content,
            foot=leave if is_signed_in else enter,
        )

    def articles(self, posts: Sequence[Post]) -> Markup:
        """Return posts, one below the other."""
        return joined([self.article(it) for it in posts])

    def article(self, post: Post) -> Markup:
        """Return one post."""
        picture = markup('<img src="{url}" alt="{alt}">\n', url=post.picture_url, alt=post.alt)
        return markup(
            ARTICLE,
            language=self._options["language"],
            id=post.id,
            text=post.text,
            published=post.published,
            shown=post.published.replace("T", " ").removesuffix(":00Z").removesuffix("Z"),
            picture=picture if post.picture_url else NOTHING,
        )

    def drafts(self, drafts: Sequence[Draft] | None) -> Markup:
        """Return what only the administrator reads; None: nobody can read it any more."""
        if drafts is None:
            return markup(
                "<article><p>The drafts cannot be read: the secret column-key is not the one that "
                "they were sealed with. Restore it.</p></article>\n"
            )
        return joined(
            [
                markup(
                    '<article><p lang="{language}">{text}</p>{publish}{drop}</article>\n',
                    language=self._options["language"],
                    text=it.text,
                    publish=markup(BUTTON, action=f"/drafts/{it.id}/publish", text="Publish"),
                    drop=markup(BUTTON, action=f"/drafts/{it.id}/delete", text="Delete draft"),
                )
                for it in drafts
            ]
        )
