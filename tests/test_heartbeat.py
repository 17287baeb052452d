"""Is a rank missed when it is gone, and only then?"""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from minir1 import heartbeat
from minir1.heartbeat import Heartbeat, RankLost, addresses


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def lost(heart: Heartbeat, seconds: float) -> str | None:
    """Wait so long for a rank to be missed."""
    until = time.monotonic() + seconds
    while heart.lost is None and time.monotonic() < until:
        time.sleep(0.01)
    return heart.lost


def test_a_rank_that_ends_is_missed_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    heart = Heartbeat({3: pair[0]}, 4, beat=0.05)
    assert lost(heart, 0.3) is None
    pair[1].close()
    assert lost(heart, 5) == "rank 3 of 4 has ended"


def test_a_rank_that_is_silent_is_missed(pair: tuple[socket.socket, socket.socket]) -> None:
    heart = Heartbeat({1: pair[0]}, 2, beat=0.05, silence=0.4)
    assert lost(heart, 5) == "rank 1 of 2 has said nothing for 0 s"


def test_two_ranks_that_beat_miss_nobody(pair: tuple[socket.socket, socket.socket]) -> None:
    first = Heartbeat({1: pair[0]}, 2, beat=0.05, silence=1)
    second = Heartbeat({0: pair[1]}, 2, beat=0.05, silence=1)
    assert lost(first, 2) is None
    assert second.lost is None
    second.close(well=False)
    assert lost(first, 5) == "rank 1 of 2 has ended"
    assert second.lost is None


def test_a_goodbye_is_a_good_end(pair: tuple[socket.socket, socket.socket]) -> None:
    first = Heartbeat({1: pair[0]}, 2, beat=0.05, silence=0.3)
    second = Heartbeat({0: pair[1]}, 2, beat=0.05, silence=0.3)
    second.close(well=True)
    assert lost(first, 0.8) is None


def test_a_lost_rank_is_a_failure_of_the_system() -> None:
    """So a stage saves its last whole step, as it does on a full disk."""
    error = RankLost("rank 1 of 2 has ended")
    assert isinstance(error, OSError)
    assert error.strerror == error.said == "rank 1 of 2 has ended"


def test_strangers_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who knows the token is let in; a rank that never comes is not waited for."""
    monkeypatch.setattr(heartbeat, "WAIT", 0.5)
    token = os.urandom(heartbeat.TOKEN)
    theirs = []
    hellos = [bytes(20), b"hi", token + (2).to_bytes(4, "little")]

    class Door:
        """A listener whose visitors are a stranger, a short word, and rank 2."""

        def settimeout(self, seconds: float) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *error: object) -> None: ...

        def accept(self) -> tuple[socket.socket, None]:
            if not hellos:
                raise TimeoutError
            ours, other = socket.socketpair()
            other.sendall(hellos.pop(0))
            other.shutdown(socket.SHUT_WR)
            theirs.append(other)
            return ours, None

    peers = heartbeat._accepted(Door(), token, [1, 2])  # type: ignore[arg-type]
    assert list(peers) == [2]
    for connection in (*peers.values(), *theirs):
        connection.close()


def test_the_first_rank_is_found_where_mlx_launch_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLX_HOSTFILE", raising=False)
    monkeypatch.delenv("MLX_JACCL_COORDINATOR", raising=False)
    here = socket.gethostname()
    assert addresses() == [here]
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps([["10.0.0.1:5000", "10.0.1.1:5001"], ["10.0.0.2:5000"]]))
    monkeypatch.setenv("MLX_HOSTFILE", str(hosts))
    assert addresses() == ["10.0.0.1", "10.0.1.1", here]
    hosts.write_text("")
    monkeypatch.setenv("MLX_JACCL_COORDINATOR", "192.168.0.9:32323")
    assert addresses() == ["192.168.0.9", here]
