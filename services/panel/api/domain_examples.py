"""Examples of domains."""

from typing import Final

from .examples import AT, DEPLOYMENT_ID, Example

_SEEN: Final[Example] = {
    "who": "ns1.example",
    "is_authority": True,
    "values": ["192.0.2.80"],
    "ttl": 3600,
    "alias": None,
    "trouble": None,
}
DOMAIN: Final[Example] = {
    "name": "garden.example",
    "state": "pending",
    "is_published": False,
    "zone": "example",
    "deployments": [DEPLOYMENT_ID],
    "checked_at": AT,
    "good_at": None,
    "records": [
        {
            "type": "A",
            "host": "hello",
            "name": "hello.garden.example",
            "values": ["192.0.2.10"],
            "ttl": 3600,
            "state": "wrong",
            "advice": "hello.garden.example leads to 192.0.2.80, and has to lead to 192.0.2.10. "
            "Change its A record where you manage garden.example.",
            "seen": [_SEEN, _SEEN | {"who": "9.9.9.9", "is_authority": False, "ttl": 1200}],
        }
    ],
    "zone_file": "hello.garden.example. 3600 IN A 192.0.2.10\n",
}
