"""The service's container holds what the service runs."""

from __future__ import annotations

import re

from services.provisioner.adapters.qemu import commands
from tests.support.tree import ROOT


def test_the_image_has_every_program_that_is_run() -> None:
    text = (ROOT / "services" / "provisioner" / "Dockerfile").read_text(encoding="utf-8")
    installed = re.search(r"apt-get install ([^&]*)", text)

    assert installed is not None
    assert set(commands.PACKAGES.values()) - set(installed.group(1).split()) == set()
