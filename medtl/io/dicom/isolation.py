"""The reader's side of ``decoder_process``: one child for one load, ended with it."""
from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SCRIPT = Path(__file__).with_name("decoder_process.py")
_SECONDS = 30.0


class DecoderDied(Exception):
    """The child reported an error, took too long or was ended by a signal."""


class IsolatedDecoder:
    """Decodes frames in a child process that is started when first asked."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> IsolatedDecoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def decode(self, syntax: str, plugin: str, encoded: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], str]:
        """Decodes one frame.

        Args:
            syntax: transfer syntax UID.
            plugin: pydicom's name of the decoder.
            encoded: the frame, encapsulated.
            options: pydicom's decoding options.

        Returns:
            The array and its photometric interpretation.

        Raises:
            DecoderDied: there is no answer, or it is an error.
        """
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-P", str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL)
        child = self._child
        assert child.stdin is not None
        assert child.stdout is not None
        timer = threading.Timer(_SECONDS, child.kill)
        timer.start()
        try:
            request = {"syntax": syntax, "plugin": plugin, "length": len(encoded), "options": options}
            child.stdin.write(json.dumps(request).encode() + b"\n" + encoded)
            child.stdin.flush()
            line = child.stdout.readline()
            answer: dict[str, Any] = json.loads(line) if line else {"error": "Aborted"}
            if "error" in answer:
                raise DecoderDied(str(answer["error"]))
            kind: np.dtype[Any] = np.dtype(str(answer["dtype"]))
            shape = tuple(int(count) for count in answer["shape"])
            size = math.prod(shape) * kind.itemsize
            pixels = child.stdout.read(size)
            if len(pixels) != size:
                raise DecoderDied("Aborted")
            return np.frombuffer(pixels, kind).reshape(shape), str(answer["photometric"])
        except (OSError, ValueError) as error:
            raise DecoderDied(type(error).__name__) from None
        finally:
            timer.cancel()
            if child.poll() is not None:
                self.close()
