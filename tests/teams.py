"""Teams whose ranks are threads: what a rank of mlx.launch does, without its processes."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

from minir1.team import Team, flattened, unflattened

T = TypeVar("T")


class Meeting:
    """Where the ranks of one team hand each other what they say."""

    def __init__(self, size: int):
        self.size = size
        self.said: list[bytes] = [b""] * size
        self.barrier = threading.Barrier(size, timeout=60)


class ThreadTeam(Team):
    """One rank of a team of threads."""

    def __init__(self, meeting: Meeting, rank: int):
        self.meeting, self.rank, self.size = meeting, rank, meeting.size

    def gather(self, message: bytes) -> list[bytes]:
        self.meeting.said[self.rank] = message
        self.meeting.barrier.wait()
        heard = list(self.meeting.said)
        self.meeting.barrier.wait()
        return heard

    def total(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        flat, names = flattened(arrays)
        parts = [np.frombuffer(m, np.float32) for m in self.gather(flat.tobytes())]
        return unflattened(np.sum(parts, axis=0, dtype=np.float32), names, arrays)

    def share(self, message: bytes) -> bytes:
        return self.gather(message)[0]


def together(size: int, work: Callable[[Team], T]) -> list[T]:
    """Let every rank do its work; return what each came to, or raise what one raised."""
    meeting = Meeting(size)
    results: dict[int, T] = {}
    raised: list[BaseException] = []

    def one(rank: int) -> None:
        try:
            results[rank] = work(ThreadTeam(meeting, rank))
        except BaseException as error:
            raised.append(error)
            meeting.barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in raised:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [results[rank] for rank in range(size)]
