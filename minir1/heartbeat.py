"""Is everybody still there? Every rank holds a connection to the first, and says so in beats.

mx.distributed notices a dead rank late or never, depending on its version and on how it
died. A process that ends closes its connections at once, whatever ended it; a machine that
has lost its power or its network is silent. Only a goodbye is a good end.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

BEAT, SILENCE = 1.0, 60.0  # seconds from beat to beat, and without one until a rank is lost
ALIVE, GOODBYE = b".", b"q"
TOKEN = 16  # bytes by which a rank is told from a stranger who connects
WAIT = 5.0  # seconds for a connection to be made


class RankLost(ConnectionError):
    """Another rank is gone: saved and said like every other failure of the system."""

    def __init__(self, said: str):
        super().__init__(errno.ECONNRESET, said)
        self.said = said


class Speaking(Protocol):
    """As much of a team as it takes to meet."""

    rank: int
    size: int

    def gather(self, message: bytes) -> list[bytes]: ...

    def share(self, message: bytes) -> bytes: ...


class Heartbeat:
    """Beats to some ranks and hears theirs, in a thread; `lost` says which is gone, and how."""

    def __init__(
        self,
        peers: Mapping[int, socket.socket],
        size: int,
        beat: float = BEAT,
        silence: float = SILENCE,
    ) -> None:
        self.lost: str | None = None
        self._peers, self._size = dict(peers), size
        self._beat, self._silence = beat, silence
        for connection in self._peers.values():
            connection.setblocking(False)
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self, well: bool) -> None:
        """End it; with a goodbye if all went well, else the others miss this rank."""
        peers, self._peers = self._peers, {}
        for connection in peers.values():
            with contextlib.suppress(OSError):
                if well:
                    connection.send(GOODBYE)
                connection.shutdown(socket.SHUT_WR)

    def _watch(self) -> None:
        """Listen and beat until somebody is lost or all have said goodbye."""
        heard = dict.fromkeys(self._peers, time.monotonic())
        told = 0.0
        while self._peers and self.lost is None:
            peers = self._peers
            ready, _, _ = select.select(list(peers.values()), [], [], self._beat)
            now = time.monotonic()
            for rank, connection in peers.items():
                if connection in ready:
                    self._hear(rank, connection)
                    heard[rank] = now
                elif now - heard[rank] > self._silence:
                    self._miss(rank, f"has said nothing for {self._silence:.0f} s")
            if now - told >= self._beat:
                told = now
                for connection in self._peers.values():
                    with contextlib.suppress(OSError):  # listening tells what is wrong
                        connection.send(ALIVE)

    def _hear(self, rank: int, connection: socket.socket) -> None:
        try:
            said = connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if GOODBYE in said:
            self._peers = {r: c for r, c in self._peers.items() if r != rank}
        elif not said:
            self._miss(rank, "has ended")

    def _miss(self, rank: int, how: str) -> None:
        if self.lost is None and rank in self._peers:
            self.lost = f"rank {rank} of {self._size} {how}"


def meet(team: Speaking) -> Heartbeat:
    """Connect every rank with the first, whose address goes around the team itself.

    A rank that cannot reach it goes without a heartbeat, and the first says so.
    """
    if team.rank == 0:
        hosts = addresses()
        bound = hosts[0] if hosts[0].startswith("127.") else ""
        listener, token = socket.create_server((bound, 0), backlog=team.size), os.urandom(TOKEN)
        place = {"hosts": hosts, "port": listener.getsockname()[1], "token": token.hex()}
        team.share(json.dumps(place).encode())
        arrived = [rank for rank, said in enumerate(team.gather(b"")) if said]
        if len(arrived) < team.size - 1:
            note = "not every rank can reach the first: a dead one may be noticed late"
            print(f"minir1: {note}", file=sys.stderr)
        return Heartbeat(_accepted(listener, token, arrived), team.size)
    place = json.loads(team.share(b""))
    connection = _connected(place["hosts"], place["port"])
    if connection is not None:
        connection.sendall(bytes.fromhex(place["token"]) + team.rank.to_bytes(4, "little"))
    team.gather(b"here" if connection is not None else b"")
    return Heartbeat({} if connection is None else {0: connection}, team.size)


def addresses() -> list[str]:
    """List under which names the first rank may be reached, as mlx.launch was told them."""
    coordinator = os.environ.get("MLX_JACCL_COORDINATOR", "")
    ring: list[str] = []
    with contextlib.suppress(OSError, ValueError, LookupError):
        ring = json.loads(Path(os.environ["MLX_HOSTFILE"]).read_text("utf-8"))[0]
    found = [place.rpartition(":")[0] for place in [*ring, coordinator] if place]
    return [*dict.fromkeys(found), socket.gethostname()]


def _connected(hosts: list[str], port: int) -> socket.socket | None:
    for host in hosts:
        with contextlib.suppress(OSError):
            return socket.create_connection((host, port), timeout=WAIT)
    return None


def _accepted(
    listener: socket.socket, token: bytes, ranks: list[int]
) -> dict[int, socket.socket]:
    """Take the connections of these ranks, which are under way; strangers are sent away."""
    peers: dict[int, socket.socket] = {}
    until = time.monotonic() + WAIT
    listener.settimeout(WAIT)
    with listener, contextlib.suppress(TimeoutError):
        while len(peers) < len(ranks) and time.monotonic() < until:
            connection, _ = listener.accept()
            connection.settimeout(WAIT)
            hello = b""
            with contextlib.suppress(OSError):
                hello = connection.recv(TOKEN + 4, socket.MSG_WAITALL)
            if hello[:TOKEN] == token and len(hello) == TOKEN + 4:
                peers[int.from_bytes(hello[TOKEN:], "little")] = connection
            else:
                connection.close()
    return peers
