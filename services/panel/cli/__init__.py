"""The command `fediversity`: a client of the REST API, for operators and for the provider.

Data goes to stdout, progress and prose to stderr. Exit status: 0 done, 1 the run failed, 2 wrong
usage, 3 not signed in or not allowed, 4 not found, 5 not possible now, 6 time is up while
waiting, 7 the panel cannot be reached, 130 interrupted (the run goes on).
"""


def main() -> None:
    """Run the command line."""
    # Imported late: shell completion and `up` need none of it.
    from .app import run  # noqa: PLC0415

    run()
