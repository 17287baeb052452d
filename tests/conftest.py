"""What every test may count on: no network, and numpy as the engine."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from check import SMALL, reshape

from minir1 import backend
from minir1.config import ModelConfig


def _refuse(*args: Any, **kwargs: Any) -> None:
    raise OSError("the tests run offline: a test tried to reach the network")


@pytest.fixture(autouse=True, scope="session")
def offline() -> Iterator[None]:
    """Refuse every connection and every look-up of a name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _refuse)
        for name in ("create_connection", "getaddrinfo", "gethostbyname"):
            patch.setattr(socket, name, _refuse)
        yield


@pytest.fixture(autouse=True)
def numpy_engine() -> None:
    """Start every test on numpy, whatever machine this is and whatever ran before."""
    backend.use("numpy")


@pytest.fixture(params=["llama", "qwen2", "qwen3"])
def config(request: pytest.FixtureRequest) -> ModelConfig:
    """A decoder of two layers, in each architecture."""
    return reshape(SMALL, model_type=request.param)
