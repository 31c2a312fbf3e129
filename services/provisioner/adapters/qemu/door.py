"""Lets one connection of a machine out through a door, while fewer than so many are open.

    python -I -S door.py PLACES MOST NETCAT HOST PORT

QEMU starts a process for each connection that its guest opens, and knows no limit. This is that
process: it takes one of the door's places and becomes netcat, or ends, and the connection with it.
A place is a lock on one byte of a file, free again when its process has ended, however it did.
Each door has places of its own: whoever waits for the world outside must not be cut off from data.
It runs for every connection, by itself: so it imports what starts fast, and nothing of ours.
"""

from __future__ import annotations

import fcntl
import os
import sys


def main(places: str, most: str, netcat: str, host: str, port: str) -> None:
    """Become netcat where a place is free."""
    # What netcat complains about would be read inside, as if the other side had said it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    handle = os.open(f"{places}-{host}-{port}", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(handle, True)  # noqa: FBT003 - the function takes it no other way
    for place in range(int(most)):
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            continue
        os.execv(netcat, (netcat, "nc", host, port))  # noqa: S606 - found by its full path


if __name__ == "__main__":
    main(*sys.argv[1:])
