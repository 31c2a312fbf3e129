"""What the blog says: documents for other servers, and one page without scripts for people."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from configuration import Configuration

ACTIVITY = "application/activity+json"
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NODE = "http://nodeinfo.diaspora.software/ns/schema/2.1"
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

Document = dict[str, Any]


def account(it: Configuration, resource: str) -> Document | None:
    """Return what WebFinger says about a name; None: it is not ours."""
    handle, own = it.options["handle"], f"{it.url}/actor"
    if resource not in {own, f"{it.url}/", *(f"acct:{handle}@{host}" for host in it.hosts)}:
        return None
    link = {"rel": "self", "type": ACTIVITY, "href": own}
    return {"subject": f"acct:{it.account}", "aliases": [own], "links": [link]}


def actor(it: Configuration, public_pem: str, avatar: str | None) -> Document:
    """Return who the blog is."""
    own = f"{it.url}/actor"
    icon = {"icon": {"type": "Image", "url": f"{it.url}/avatars/{avatar}"}} if avatar else {}
    return {
        "@context": CONTEXT,
        "id": own,
        "type": "Person",
        "preferredUsername": it.options["handle"],
        "name": it.options["title"],
        "summary": paragraph(it.options["description"]),
        "url": f"{it.url}/",
        "inbox": f"{it.url}/inbox",
        "outbox": f"{it.url}/outbox",
        "followers": f"{it.url}/followers",
        "endpoints": {"sharedInbox": f"{it.url}/inbox"},
        "manuallyApprovesFollowers": False,
        "publicKey": {"id": f"{own}#main-key", "owner": own, "publicKeyPem": public_pem},
        **icon,
    }


def note(it: Configuration, post: Document) -> Document:
    """Return a post."""
    content = paragraph(post["text"])
    picture = {"url": post["picture"], "mediaType": post["picture_type"], "name": post["alt"]}
    return {
        "@context": CONTEXT,
        "id": f"{it.url}/posts/{post['id']}",
        "type": "Note",
        "attributedTo": f"{it.url}/actor",
        "content": content,
        "contentMap": {it.options["language"]: content},
        "published": post["published"],
        "url": f"{it.url}/posts/{post['id']}",
        "attachment": [{"type": "Document", **picture}] if post["picture"] else [],
        "to": [PUBLIC],
        "cc": [f"{it.url}/followers"],
    }


def create(it: Configuration, post: Document) -> Document:
    """Return the news that there is a post."""
    found = note(it, post)
    same = {name: found[name] for name in ("published", "to", "cc")}
    return {**activity(it, "Create", f"{found['id']}#create", found), **same}


def activity(it: Configuration, kind: str, name: str, about: Document) -> Document:
    """Return something that the blog does."""
    who = f"{it.url}/actor"
    return {"@context": CONTEXT, "id": name, "type": kind, "actor": who, "object": about}


def collection(it: Configuration, name: str, count: int) -> Document:
    """Return how many of something there are."""
    place = f"{it.url}/{name}"
    return {"@context": CONTEXT, "id": place, "type": "OrderedCollection", "totalItems": count}


def outbox(it: Configuration, posts: Sequence[Document], count: int) -> Document:
    """Return the newest posts, and how many there are."""
    return {**collection(it, "outbox", count), "orderedItems": [create(it, each) for each in posts]}


def node_links(it: Configuration) -> Document:
    """Return where NodeInfo is."""
    return {"links": [{"rel": NODE, "href": f"{it.url}/nodeinfo/2.1"}]}


def node(it: Configuration, posts: int) -> Document:
    """Return what kind of server this is."""
    return {
        "version": "2.1",
        "software": {"name": "microblog", "version": it.version},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {"users": {"total": 1}, "localPosts": posts},
        "metadata": {"nodeName": it.options["title"]},
    }


def paragraph(text: str) -> str:
    """Return a text as HTML in which nothing but its lines means anything."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"


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
