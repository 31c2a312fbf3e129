"""Machines as QEMU processes on this host, which outlive the provisioner that started them.

A machine is one directory: its disk over a base image, its seed, the record of its process. It is
found by name, and its identity is checked before it is touched: in its directory, and by QMP.
"""

from .backend import QemuRuntimeBackend, stop_all
from .images import Images

__all__ = ["Images", "QemuRuntimeBackend", "stop_all"]
