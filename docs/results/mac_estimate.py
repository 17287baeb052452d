"""Estimate what GSM8K with Qwen 2.5 would take on a Mac with 16 GB. Nothing here was run.

    python docs/results/mac_estimate.py

Memory is `minir1.memory.plan`, which was checked against measured peaks. Time is the
arithmetic of a step divided by what a GPU does of it: PEAK and BANDWIDTH are a maker's figures
for a base M2, SHARE is what our update reached of the matmul peak of the machine that it was
measured on.
"""

import argparse

from minir1.memory import Shape, Workload, gigabytes, plan

PEAK, BANDWIDTH = 3.6e12, 100e9  # FLOP/s, bytes/s
SHARE = 0.5
PROMPTS, GROUP, PROMPT, COMPLETION, STEPS = 8, 8, 150, 250, 100  # tokens: means
ROWS, MICROBATCH, CAP = 64, 1024, 400
MODELS = {  # layers, width, inner, heads, kv heads, head width, vocabulary; parameters
    "Qwen2.5-0.5B": (Shape(24, 896, 4864, 14, 2, 64, 151_936), 494e6),
    "Qwen2.5-1.5B": (Shape(28, 1536, 8960, 12, 2, 128, 151_936), 1544e6),
}


def adapters(shape: Shape, rank: int = 16) -> int:
    """Count the numbers of adapters on every linear layer."""
    q, kv = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    sides = 4 * shape.width + 2 * q + 2 * kv + 3 * (shape.width + shape.inner)
    return rank * shape.layers * sides


def estimate(shape: Shape, parameters: float, bits: int) -> tuple[str, float, float]:
    """Return the memory plan, and the seconds of a rollout and of an update."""
    weights = int(parameters * (bits / 8 if bits == 16 else bits / 8 + 0.0625))
    trained = adapters(shape)
    load = Workload(ROWS, PROMPT + CAP, MICROBATCH, trained, False, 2, True)
    answers = PROMPTS * GROUP
    decoding = CAP * (weights / BANDWIDTH + answers * 2 * parameters / (PEAK * SHARE))
    tokens = answers * (PROMPT + COMPLETION)
    update = 6 * parameters * tokens / (PEAK * SHARE)  # forward, recomputed, backward
    return gigabytes(plan(shape, load, weights).total), decoding, update


def main() -> None:
    """Print the table of the guide."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print("| model | weights | memory at most | rollout | update | 100 steps |")
    print("|---|---|---|---|---|---|")
    for name, (shape, parameters) in MODELS.items():
        for bits in (16, 4):
            memory, rollout, update = estimate(shape, parameters, bits)
            hours = STEPS * (rollout + update) / 3600
            times = f"{rollout:.0f} s | {update:.0f} s | {hours:.1f} h"
            print(f"| {name} | {bits} bits | {memory} | {times} |")


if __name__ == "__main__":
    main()
