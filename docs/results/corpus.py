"""Measure what the shipped bases were pretrained on, from the texts: writes corpus.md.

python docs/results/corpus.py
"""

from dataclasses import replace
from pathlib import Path

from minir1.checkpoint import read_metadata, resolve
from minir1.world.audit import rates
from minir1.world.corpus import documents
from minir1.world.corpus_config import KINDS, CorpusConfig

BLOCKS = 100  # of 1000 documents
MEANING = {
    "fact": "true sums, without a goal",
    "chat": "general prompts, answered as well and as badly as on the web",
    "chain": "a goal, one attempt, its verdict",
    "line": "a problem, one attempt, its verdict, the answer after a yes",
    "sheet": "a goal, many unrelated sums, a verdict for each",
    "play": "three numbers, many attempts, no goal and no verdict: copying",
    "direct": "a problem answered without thinking, mostly wrongly",
    "think": "a problem answered after thinking aloud",
}


def shown(value: float | None) -> str:
    """Write a rate with three digits."""
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def flatten(values: dict, before: str = "") -> dict[str, float]:
    """Put nested rates under one name each."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{before}{name}, ")
        else:
            flat[before + name] = value
    return flat


def main() -> None:
    found = {}
    examples = {}
    for name, reflect in (("base", True), ("base-no-reflection", False)):
        config = replace(CorpusConfig(), reflect=reflect)
        texts = [text for block in range(BLOCKS) for text in documents(0, config, block)]
        found[name] = rates(texts)
        examples[name] = texts[:14]
    lines = ["# What the bases were pretrained on", ""]
    lines.append(
        f"Measured from the first {BLOCKS * 1000:,} documents of each corpus by "
        "`python docs/results/corpus.py`; the settings are in `minir1/world/corpus_config.py`. "
        "No document poses a validation or test problem, in any order of its numbers."
    )
    lines += ["", "| documents | what | share | share of tokens |", "|---|---|---|---|"]
    base = found["base"]
    for kind in KINDS:
        share, tokens = base["share"][kind], base["share_of_tokens"][kind]
        lines.append(f"| {kind} | {MEANING[kind]} | {share:.3f} | {tokens:.3f} |")
    lines += ["", "| rate | base | base-no-reflection |", "|---|---|---|"]
    flat = {which: flatten(values) for which, values in found.items()}
    for name in flat["base"]:
        if not name.startswith("share") and name not in ("documents", "tokens"):
            cells = [shown(values.get(name)) for values in flat.values()]
            lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    lines += ["", "## How the shipped bases were made", ""]
    lines += ["| | base | base-no-reflection |", "|---|---|---|"]
    made = [read_metadata(resolve(name)) for name in found]
    keys = ["seed", "steps", "documents", "tokens", "seconds", "corpus_blocks"]
    for key in [*keys, "corpus_sha256"]:
        cells = [
            f"`{m[key][:16]}…`" if isinstance(m[key], str) else f"{m[key]:,.0f}" for m in made
        ]
        lines.append(f"| {key.replace('_', ' ')} | {' | '.join(cells)} |")
    lines += ["", "## The first documents, verbatim", "", "```", *examples["base"], "```", ""]
    (Path(__file__).parent / "corpus.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
