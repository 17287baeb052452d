"""How often is the verifier right on the labelled pairs, by category, and where is it wrong?

python tests/benchmarks/verifier_accuracy.py [FILE_IN_TESTS_DATA]
"""

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pairs import pairs

from minir1.verifier import verify


def main() -> None:
    """Print a row for each category, then every mistake."""
    known = list(pairs(*sys.argv[1:]))
    right: Counter[str] = Counter()
    mistakes = []
    start = time.perf_counter()
    for pair in known:
        verdict = verify(pair.gold, pair.answer)
        if verdict is pair.label:
            right[pair.category] += 1
        else:
            mistakes.append((pair, verdict))
    seconds = time.perf_counter() - start
    for category, count in Counter(pair.category for pair in known).items():
        print(f"| {category} | {count} | {right[category] / count:.1%} |")
    print(f"| all | {len(known)} | {right.total() / len(known):.2%} |")
    print(f"{seconds / len(known) * 1e6:.0f} microseconds a pair, imports included")
    for pair, verdict in mistakes:
        wanted = "equivalent" if pair.label else "different"
        print(f"{verdict}, wanted {wanted}: {pair.gold}   |   {pair.answer}")


if __name__ == "__main__":
    main()
