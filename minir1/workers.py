"""How does decoding use every core? With one helper process for each core but the first.

Decoding is thousands of small operations, and Python threads would spend their time handing
each other the interpreter's lock; updates are few large ones and do well with threads
(`backend.parallel_map`). A helper is this same package, started once and kept: it reads
requests from its standard input and writes answers to its standard output, both as
safetensors bytes, and ends when its input closes, so also when we are killed.
"""

import atexit
import contextlib
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

_LENGTH = struct.Struct("<Q")


class Worker:
    """One helper process; it answers requests in order."""

    def __init__(self) -> None:
        package = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "minir1.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for us; the helper ends when we do
        )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: bytes) -> None:
        """Send a request; the answer is fetched later."""
        assert self._process.stdin is not None
        _write(self._process.stdin, request)

    def answer(self) -> bytes:
        """Wait for the answer to the oldest request. Raises: RuntimeError if there is none."""
        assert self._process.stdout is not None
        found = _read(self._process.stdout)
        if found is None:
            raise RuntimeError(f"a helper process ended with code {self._process.wait()}")
        return found

    def close(self) -> None:
        """End the helper now, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what it never read is lost with it
                    pipe.close()


_workers: list[Worker] = []
_lock = threading.Lock()


def _hired(count: int) -> list[Worker]:
    """Return this many helpers, starting those that are missing."""
    for worker in [worker for worker in _workers if not worker.alive]:
        _workers.remove(worker)
        worker.close()
    while len(_workers) < count:
        _workers.append(Worker())
    return _workers[:count]


def share_out(own: list[bytes], others: list[bytes]) -> list[bytes]:
    """Answer requests side by side: `own` here, each of the others by a helper.

    Returns the answers to own, then to others. What goes wrong ends all helpers, so that no
    late answer is ever taken for that of another request.
    """
    from minir1.rollout import answer_request

    with _lock:
        try:
            helpers = _hired(len(others))
            for helper, request in zip(helpers, others, strict=True):
                helper.ask(request)
            answers = [answer_request(request) for request in own]
            return answers + [helper.answer() for helper in helpers]
        except BaseException:
            dismiss()
            raise


def dismiss() -> None:
    """End all helpers."""
    while _workers:
        _workers.pop().close()


atexit.register(dismiss)


def _write(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(_LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes | None:
    """Read one message; None where the other side has closed."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = pipe.read(length)
    return message if len(message) == length else None


def serve() -> None:
    """Answer requests until the input closes."""
    from minir1 import backend
    from minir1.rollout import answer_request

    backend.use("numpy")
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing but answers goes to the pipe
    while (request := _read(requests)) is not None:
        try:
            _write(answers, answer_request(request))
        except BrokenPipeError:  # who asked was killed
            os._exit(1)


if __name__ == "__main__":
    serve()
