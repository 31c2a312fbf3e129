"""What the blog says to other servers: documents of ActivityStreams, WebFinger and NodeInfo."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from configuration import Configuration
    from posts import Post

CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"]
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"

Document = dict[str, Any]


class Documents:
    """All documents of one blog."""

    def __init__(self, configuration: Configuration, public_pem: str) -> None:
        self._it = configuration
        self._options = configuration.options
        self._public_pem = public_pem
        self.actor_id = f"{configuration.url}/actor"
        self._names = frozenset(
            (
                self.actor_id,
                f"{configuration.url}/",
                *(f"acct:{self._options['handle']}@{it}" for it in self.hosts),
            )
        )

    @property
    def hosts(self) -> frozenset[str]:
        """The names under which the blog is asked."""
        return frozenset((self._it.host, self._it.netloc))

    def account(self, resource: str) -> Document | None:
        """Return what WebFinger says about a name; None: it is not ours."""
        if resource not in self._names:
            return None
        link = {"rel": "self", "type": "application/activity+json", "href": self.actor_id}
        return {
            "subject": f"acct:{self._options['handle']}@{self._it.netloc}",
            "aliases": [self.actor_id],
            "links": [link],
        }

    def actor(self, avatar: str | None) -> Document:
        """Return who the blog is."""
        url = self._it.url
        picture = {"icon": {"type": "Image", "url": f"{url}/avatars/{avatar}"}} if avatar else {}
        return {
            "@context": CONTEXT,
            "id": self.actor_id,
            "type": "Person",
            "preferredUsername": self._options["handle"],
            "name": self._options["title"],
            "summary": paragraph(self._options["description"]),
            "url": f"{url}/",
            "inbox": f"{url}/inbox",
            "outbox": f"{url}/outbox",
            "followers": f"{url}/followers",
            "endpoints": {"sharedInbox": f"{url}/inbox"},
            "manuallyApprovesFollowers": False,
            "publicKey": {
                "id": f"{self.actor_id}#main-key",
                "owner": self.actor_id,
                "publicKeyPem": self._public_pem,
            },
            **picture,
        }

    def note(self, post: Post) -> Document:
        """Return a post."""
        content = paragraph(post.text)
        attachments = [
            {"type": "Document", "mediaType": post.picture_type, "url": it, "name": post.alt}
            for it in [post.picture_url]
            if it
        ]
        return {
            "@context": CONTEXT,
            "id": self.post_id(post.id),
            "type": "Note",
            "attributedTo": self.actor_id,
            "content": content,
            "contentMap": {self._options["language"]: content},
            "published": post.published,
            "url": self.post_id(post.id),
            "attachment": attachments,
            **self._audience(),
        }

    def create(self, post: Post) -> Document:
        """Return the news that there is a post."""
        return {
            **self._activity("Create", f"{self.post_id(post.id)}#create"),
            "published": post.published,
            "object": self.note(post),
            **self._audience(),
        }

    def accept(self, name: str, follow: Document) -> Document:
        """Return the answer to somebody who wants to follow."""
        return {**self._activity("Accept", f"{self.actor_id}#accept-{name}"), "object": follow}

    def outbox(self, posts: Sequence[Post], count: int) -> Document:
        """Return the newest posts, and how many there are."""
        return {
            **self._collection("outbox", count),
            "orderedItems": [self.create(post) for post in posts],
        }

    def followers(self, count: int) -> Document:
        """Return how many follow; who they are is nobody's business."""
        return self._collection("followers", count)

    def node_links(self) -> Document:
        """Return where NodeInfo is."""
        schema = "http://nodeinfo.diaspora.software/ns/schema/2.1"
        return {"links": [{"rel": schema, "href": f"{self._it.url}/nodeinfo/2.1"}]}

    def node(self, posts: int) -> Document:
        """Return what kind of server this is."""
        return {
            "version": "2.1",
            "software": {"name": "microblog", "version": self._it.version},
            "protocols": ["activitypub"],
            "services": {"inbound": [], "outbound": []},
            "openRegistrations": False,
            "usage": {"users": {"total": 1}, "localPosts": posts},
            "metadata": {"nodeName": self._options["title"]},
        }

    def post_id(self, name: str) -> str:
        """Return the address of a post, which is its identity too."""
        return f"{self._it.url}/posts/{name}"

    def _activity(self, kind: str, name: str) -> Document:
        return {"@context": CONTEXT, "id": name, "type": kind, "actor": self.actor_id}

    def _collection(self, name: str, count: int) -> Document:
        place = f"{self._it.url}/{name}"
        return {"@context": CONTEXT, "id": place, "type": "OrderedCollection", "totalItems": count}

    def _audience(self) -> Document:
        return {"to": [PUBLIC], "cc": [f"{self._it.url}/followers"]}


def paragraph(text: str) -> str:
    """Return a text as HTML in which nothing but its lines means anything."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"
