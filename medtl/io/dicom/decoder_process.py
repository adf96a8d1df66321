"""A process that decodes frames for the reader, so that a decoder that aborts takes only itself down.

Run as a script, it imports nothing of this package. Each request on standard input is a line of JSON (``syntax``,
``plugin``, ``length`` and pydicom's decoding options) and then that many bytes; each answer on standard output is a
line of JSON (``shape``, ``dtype``, ``photometric``, or ``error``) and then the pixels.
"""
from __future__ import annotations

import json
import logging
import os
import resource
import sys
import warnings

_MEMORY = 1 << 32


def main() -> None:
    """Answers until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints must not mix with the answers
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from pydicom.pixels import get_decoder

    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        encoded = sys.stdin.buffer.read(request["length"])
        try:
            array, facts = get_decoder(request["syntax"]).as_array(
                encoded, index=0, raw=True, validate=True, decoding_plugin=request["plugin"], **request["options"])
            answer = {"shape": array.shape, "dtype": array.dtype.str,
                      "photometric": str(facts.get("photometric_interpretation", ""))}
            pixels = array.tobytes()
        except Exception as error:
            answer, pixels = {"error": type(error).__name__}, b""
        answers.write(json.dumps(answer).encode() + b"\n" + pixels)
        answers.flush()


if __name__ == "__main__":
    main()
