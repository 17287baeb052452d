"""Who else works on this run? Other processes, here or on other machines: its ranks.

`mlx.launch -n 2 -- minir1 train …` starts one process a rank, and `mx.distributed` carries
arrays between them, around a ring of TCP connections or through JACCL. What a rank needs of
the others is little: what each of them says, and the sum of their arrays. Whatever goes
through here arrives bit for bit alike at every rank. Without mlx.launch there is a team of
one, which asks nobody.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minir1.errors import UserError
from minir1.heartbeat import Heartbeat, RankLost, meet

RANK = "MLX_RANK"  # mlx.launch tells each process its rank in this variable
PIECE = 2**26  # bytes in one message: a state of gigabytes is never copied whole
PATIENCE = 5.0  # seconds in which the heartbeat says who broke a connection


class Team:
    """A team of one; `with` it the run, and say goodbye at its end."""

    rank, size = 0, 1

    def __str__(self) -> str:
        """What a title says of the team."""
        return f" · {self.size} ranks" if self.size > 1 else ""

    def gather(self, message: bytes) -> list[bytes]:
        """Return what every rank says, in their order."""
        return [message]

    def total(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the sums over all ranks of float32 arrays that have the same shapes."""
        return dict(arrays)

    def share(self, message: bytes) -> bytes:
        """Return what the first rank says."""
        return message

    def require_same(self, what: str, said: str) -> None:
        """Refuse to go on where ranks differ in something.

        Raises: UserError that names the rank.
        """
        others = [message.decode() for message in self.gather(said.encode())]
        for rank, other in enumerate(others):
            if other != others[0]:
                raise UserError(
                    f"rank {rank} has other {what} than rank 0: every rank wants the same "
                    "command, the same files and the same version of minir1"
                )

    def __enter__(self) -> Team:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Part; turn what a person must know into one line."""


ALONE = Team()


class Launched(Team):
    """The ranks that mlx.launch started.

    Collectives run in a thread of their own, on a stream of their own: the one that waits for
    them can then be interrupted, and told that a rank is gone. mx.distributed itself may wait
    for a dead rank for ever.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]]
        self._calls = queue.SimpleQueue()
        self._heartbeat: Heartbeat | None = None
        self._under_way, self._code = False, 1
        atexit.register(self._leave)
        threading.Thread(target=self._serve, daemon=True).start()
        try:
            self.rank, self.size = self._do(self._join)
        except RankLost as error:
            raise UserError(f"the ranks did not find each other: {error.__cause__}") from error
        if self.size > 1:
            self._heartbeat = meet(self)
            signal.signal(signal.SIGTERM, self._asked_to_end)

    def _join(self) -> tuple[int, int]:
        import mlx.core as mx

        self._mx, self._stream = mx, mx.new_stream(mx.cpu)
        ranks = mx.distributed.init(strict=True)
        return ranks.rank(), ranks.size()

    def gather(self, message: bytes) -> list[bytes]:
        """Return what every rank says, in their order."""
        lengths = self._everyone(np.array([len(message)], np.int64))[:, 0]
        padded = np.zeros(int(lengths.max()), np.uint8)
        padded[: len(message)] = np.frombuffer(message, np.uint8)
        rows = self._everyone(padded) if len(padded) else np.zeros((self.size, 0), np.uint8)
        return [row[:length].tobytes() for row, length in zip(rows, lengths, strict=True)]

    def total(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the sums over all ranks of float32 arrays that have the same shapes."""
        flat, names = flattened(arrays)
        self._add(flat)
        return unflattened(flat, names, arrays)

    def share(self, message: bytes) -> bytes:
        """Return what the first rank says: the others add nothing to it."""
        (size,) = self._everyone(np.array([len(message)], np.int64))[0]
        data = np.zeros(int(size), np.uint8)
        if self.rank == 0:
            data[:] = np.frombuffer(message, np.uint8)
        self._add(data)
        return data.tobytes()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Wait for the others and part; or say in one line why that cannot be.

        Raises: UserError for a rank that is lost.
        """
        if error is None:
            self.gather(b"")
        else:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends already, and says why
        if self._heartbeat is not None:
            self._heartbeat.close(error is None)
        self._code = 130 if isinstance(error, KeyboardInterrupt) else 2
        if isinstance(error, RankLost):
            raise UserError(self._mine(error.said)) from error
        elif isinstance(error, UserError) and self.rank:
            raise UserError(self._mine(str(error))) from error

    def _leave(self) -> None:
        """End now if a collective is under way: MLX would wait for it, or abort."""
        if self._under_way:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
            os._exit(self._code)

    def _mine(self, text: str) -> str:
        return f"rank {self.rank}: {text}" if self.rank else text

    def _asked_to_end(self, *_: object) -> None:
        """Stop when asked to, but where a rank is lost the next exchange says so itself.

        mlx.launch asks all to end as soon as it sees one gone.
        """
        if self._heartbeat is None or self._heartbeat.lost is None:
            raise KeyboardInterrupt("asked to end")

    def _everyone(self, row: np.ndarray) -> np.ndarray:
        """Lay the rows of all ranks below each other. Shapes: (n) -> (ranks, n)"""
        return self._do(partial(self._computed, "all_gather", row[None]))

    def _add(self, flat: np.ndarray) -> None:
        """Add the other ranks' numbers, in place, piece by piece."""
        for piece in np.array_split(flat, -(-flat.nbytes // PIECE) or 1):
            piece[:] = self._do(partial(self._computed, "all_sum", piece))

    def _computed(self, collective: str, array: np.ndarray) -> np.ndarray:
        """Carry a collective through, in the thread.

        Only `eval` tells of a connection that broke: what is read without it is half a result.
        """
        mx = self._mx
        result = getattr(mx.distributed, collective)(mx.array(array), stream=self._stream)
        mx.eval(result)
        return np.array(result)

    def _do(self, call: Callable[[], Any]) -> Any:
        """Let the thread make a call, and look at the heartbeat while it does.

        Raises: RankLost.
        """
        answer: Future[Any] = Future()
        self._under_way = True
        self._calls.put((call, answer))
        while True:
            try:
                result = answer.result(timeout=0.5)
                self._under_way = False
                return result
            except TimeoutError:
                self._check()
            except RuntimeError as error:  # mx.distributed's word for a broken connection
                self._under_way = False
                self._check(PATIENCE)
                raise RankLost(f"a connection between the ranks broke ({error})") from error

    def _check(self, patience: float = 0.0) -> None:
        """Raise RankLost if a rank is known to be gone, or is within some seconds."""
        until = time.monotonic() + patience
        while self._heartbeat is not None:
            if self._heartbeat.lost is not None:
                raise RankLost(self._heartbeat.lost)
            if time.monotonic() >= until:
                return
            time.sleep(0.05)

    def _serve(self) -> None:
        """Make the calls, one after another: what the thread does."""
        while True:
            call, answer = self._calls.get()
            try:
                answer.set_result(call())
            except Exception as error:
                answer.set_exception(error)


def flattened(arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[str]]:
    """Lay arrays end to end in the order of their names, which is the same at every rank.

    The order of the mapping is not: a file of tensors is read in any order.
    """
    names = sorted(arrays)
    return np.concatenate([arrays[name].reshape(-1) for name in names]), names


def unflattened(
    flat: np.ndarray, names: list[str], like: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Undo `flattened`."""
    pieces = np.split(flat, np.cumsum([like[name].size for name in names])[:-1])
    return {n: p.reshape(like[n].shape) for n, p in zip(names, pieces, strict=True)}


def open_team() -> Team:
    """Join the ranks that mlx.launch started, or be a team of one.

    Raises: UserError where they cannot be reached.
    """
    return Launched() if is_launched() else Team()


def is_launched() -> bool:
    """Say whether mlx.launch started this process beside others: one alone has no hosts."""
    hosts = os.environ.get("MLX_HOSTFILE")
    return RANK in os.environ and (
        hosts is None or bool(Path(hosts).read_text("utf-8").strip())
    )


def require_alone() -> None:
    """Refuse to be one of several.

    Raises: UserError under mlx.launch.
    """
    if is_launched():
        raise UserError(
            "mlx.launch trains real models alone: add --model and --task, or type minir1 "
            "without mlx.launch"
        )
