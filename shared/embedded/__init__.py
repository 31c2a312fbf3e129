"""The embedded default: a whole hosting provider on one plain machine, without containers.

It is the only starter of servers and services, for `fediversity up`, the demo and the tests.
Services are data here (`processes.toml`), never imports, and no service imports this package.
Everything it keeps lies below one data directory: one folder per part, with its log and the
record of its process.
"""
