"""The command line: ``medtl VERB``. Nothing heavy is imported before the verb is known."""
from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits with its code (see ``medtl.errors``).

    Args:
        arguments: without the program's name; those of the process if None.
    """
    from medtl.cli.failure import guarded

    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(guarded(words))
