"""How long does a step of minir1 take? The training loop as it is, from the same weights."""

import time

import numpy
import shared

import minir1
from minir1 import rl
from minir1.backend import from_numpy, use
from minir1.checkpoint import load_checkpoint
from minir1.config import override
from minir1.environment import TinyWorld


def main() -> None:
    options = shared.Options.read(__doc__)
    use("numpy")
    params, shape, words = load_checkpoint(options.checkpoint)
    live, steps = from_numpy(params), []
    for step in range(options.warm + options.steps):
        config = override(options.config(shape), [f"grpo.steps={step + 1}"])
        learner = rl.Learner.start(live)
        learner.step = step
        started = time.perf_counter()
        done = next(rl.train(learner, config, TinyWorld(config, words, shared.STAGE)))
        seconds = time.perf_counter() - started
        sampling, learning = (done.metrics[f"{n}_seconds"] for n in ("rollout", "update"))
        graded = done.graded
        steps.append(shared.row(seconds, sampling, learning, graded.samples, graded.rewards))
    shared.report(options, steps, minir1=minir1.__version__, numpy=numpy.__version__)


if __name__ == "__main__":
    main()
