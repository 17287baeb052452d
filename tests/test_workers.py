"""Helpers give the same bits as one process, and end when we do."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from minir1 import backend, model, rollout, workers
from minir1.config import ModelConfig, SampleConfig
from minir1.rng import generator

SHAPE = ModelConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1)
PROMPTS = [[1, 40 + i, 60, 8] for i in range(6)]


@pytest.fixture
def params():
    backend.use("numpy")
    return backend.from_numpy(model.init_params(SHAPE, generator(0, "helpers")))


def sampled(params, threads: int) -> rollout.Rollout:
    settings = SampleConfig(max_tokens=12, rows_per_chunk=4)
    return rollout.sample(params, SHAPE, PROMPTS, 2, settings, (0, "t", 0), (2,), 0, threads)


def is_running(process: int) -> bool:
    """Say whether a process lives; one that only waits to be buried does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True)
    return found.stdout.strip()[:1] not in (b"", b"Z")


def test_helpers_change_no_bit(params):
    alone, shared = sampled(params, 1), sampled(params, 3)
    for name in ("tokens", "old_logprobs", "entropy", "completion_mask", "finished"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(shared, name), name)


def test_a_dead_helper_is_an_error_and_the_next_call_is_right(params, monkeypatch):
    def kill_it(worker: workers.Worker, request: bytes) -> None:
        worker._process.kill()
        worker._process.wait()

    with monkeypatch.context() as broken:
        broken.setattr(workers.Worker, "ask", kill_it)
        with pytest.raises(RuntimeError, match="helper process ended with code -9"):
            sampled(params, 2)
    np.testing.assert_array_equal(sampled(params, 2).tokens, sampled(params, 1).tokens)
    workers._workers[0]._process.kill()
    workers._workers[0]._process.wait()
    np.testing.assert_array_equal(sampled(params, 2).tokens, sampled(params, 1).tokens)


def test_a_helper_outlives_no_kill():
    script = (
        "from minir1 import workers; import time\n"
        "print(workers._hired(1)[0]._process.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    helper = int(owner.stdout.readline())
    owner.send_signal(signal.SIGKILL)
    owner.stdout.close()
    assert owner.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while is_running(helper) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(helper)
