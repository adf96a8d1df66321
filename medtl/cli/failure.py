"""What a user sees when a command does not end well: lines and an exit code, never a traceback."""
from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from pathlib import Path

from medtl.errors import MedtlError

INTERRUPTED = 130


def guarded(words: list[str]) -> int:
    """Runs a command line and turns whatever it raises into lines on stderr and an exit code.

    Args:
        words: the command line without the program's name.

    Returns:
        0 when done; the error's own code for a :class:`MedtlError`; 130 when interrupted; 1 for a bug, whose
        traceback goes to a private file (or to stderr, if ``MEDTL_DEBUG=1``).
    """
    try:
        from medtl.cli.app import run

        code = run(words)
        sys.stdout.flush()
        return code
    except MedtlError as error:
        return failed(error)
    except KeyboardInterrupt:
        _say("interrupted: nothing that was finished is lost; run the same command again to resume")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `medtl list | head`: what is left goes nowhere
        return 0
    except OSError as error:
        return _system(error)
    except MemoryError as error:
        _say("out of memory: a smaller train.batch_size, data.input.size or data.input.slices needs less")
        return _bug(error)
    except Exception as error:
        return _bug(error)


def failed(error: MedtlError) -> int:
    """Prints an error's lines; returns its exit code."""
    _debug()
    for line in error.lines:
        _say(line)
    return error.exit_code


def _system(error: OSError) -> int:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        _debug()
        _say("the disk is full; what was finished is kept: free some space and run the same command again")
        return 3
    return _bug(error)


def _bug(error: BaseException) -> int:
    _debug()
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    try:
        saved = _saved()
        _say(f"this is a fault of medtl, not yours: {what} (details, private to you: {saved})")
    except OSError:
        _say(f"this is a fault of medtl, not yours: {what} (MEDTL_DEBUG=1 shows where)")
    return 1


def _saved() -> Path:
    from medtl.atomic import write_text
    from medtl.places import state_folder

    path = state_folder() / "faults" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    write_text(path, traceback.format_exc(), mode=0o600)  # it may quote names of files, so only the user may read it
    return path


def _debug() -> None:
    if os.environ.get("MEDTL_DEBUG", "0") not in ("", "0"):
        traceback.print_exc()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
