"""Lets one connection of a machine out through an open door, while fewer than so many are open.

    python -I -S door.py PLACES MOST NETCAT HOST PORT [DOOR]

QEMU starts a process for each connection that its guest opens, and knows no limit. This is that
process: it takes one of the door's places and becomes netcat, or ends, and the connection with it.
A place is a lock on one byte of a file, free again when its process has ended, however it did.
Each door has places of its own: whoever waits for the world outside must not be cut off from data.
Beside the places a file names the doors that are open; the one to data is not closed.
It runs for every connection, by itself: so it imports what starts fast, and nothing of ours.
"""

from __future__ import annotations

import fcntl
import os
import sys


def main(  # noqa: PLR0913, PLR0917 - the words of a command line
    places: str, most: str, netcat: str, host: str, port: str, door: str = ""
) -> None:
    """Become netcat where a place is free and the door is open."""
    # What netcat complains about would be read inside, as if the other side had said it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    # A machine that an earlier version started knows its doors by where they lead.
    name = door or f"{host}-{port}"
    handle = os.open(f"{places}-{name}", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(handle, True)  # noqa: FBT003 - the function takes it no other way
    for place in range(int(most)):
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            continue
        # Whoever closes a door writes that down, then ends those who have a place. So look now.
        if is_open(os.path.dirname(places), door):  # noqa: PTH120 - pathlib starts slowly
            os.execv(netcat, (netcat, "nc", host, port))  # noqa: S606 - found by its full path
        return


def is_open(folder: str, door: str) -> bool:
    """Say whether a door is open."""
    if door in {"", "s3"}:
        return True
    try:
        with open(f"{folder}/open-doors", encoding="ascii") as file:  # noqa: PTH123 - as above
            return door in file.read().split()
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
