"""How was all this measured, and how is it made again?"""

import shlex
from collections.abc import Mapping

from minir1.reporting import cast
from minir1.reporting.formats import (
    count,
    duration,
    figure,
    mapping,
    number,
    percent,
    plain,
    power,
)
from minir1.reporting.html import Child, Markup, section, tag
from minir1.reporting.measures import GROUPS, MEANINGS
from minir1.reporting.rundata import RunData
from minir1.weak_rewards import PAYS

NOT_TYPED = ("recipe", "seed", "backend", "threads", "model.")  # settings that no --set gives


INTERVALS = (
    "95\u202f%, by bootstrap over problems: many answers to one problem are one piece of "
    "evidence about it, not many. They say how sure the figure of this checkpoint is, not how "
    "much another seed would differ."
)


def method(run: RunData) -> Markup:
    """Say what was asked, how sure the figures are, and what to type."""
    seed = run.described.get("seed")
    rows: list[tuple[str, Child]] = [
        ("problems", _problems(run)),
        ("intervals", INTERVALS),
        ("seeds", f"one: {seed}. What is said here of a stage is said of this run."),
        ("reward", _reward(run)),
        ("reward model", _reward_model(run)),
        ("compute", _compute(run)),
        ("time", _time(run)),
        ("versions", _versions(run)),
        ("command", tag("code", command(run))),
        ("folder", tag("code", run.name)),
    ]
    entries = [[tag("dt", name), tag("dd", said)] for name, said in rows if said]
    facts = tag("dl", entries, class_="method")
    return section("method", "How this was measured", None, facts, _words(), _settings(run))


def _problems(run: RunData) -> str:
    problems, samples = run.measured
    if not problems:
        return "nothing was measured yet"
    return (
        f"{count(problems, 'test problem')}, {count(samples, 'answer')} to each at temperature "
        "1; no test problem was trained on or chosen by. Every checkpoint answers the same "
        "ones. Marks among the curves and the time machine are of validation problems, the "
        "answers side by side of validation problems and general test prompts."
    )


def _reward(run: RunData) -> str:
    """Say what was paid where it was not what is measured; the usual rules need no word."""
    kind = str(mapping(run.settings.get("reward")).get("kind", "rule"))
    paid = {"random": "a coin’s will, whatever was written", "format": "the form alone", **PAYS}
    if kind not in paid:
        return ""
    return (
        f"reward.kind={kind}: training paid for {paid[kind]}. Accuracy and form are measured "
        "by the rules all the same; only “reward” is what was paid."
    )


def _reward_model(run: RunData) -> str:
    found = mapping(run.results.get("reward_model"))
    right, ceiling = figure(found.get("pair_accuracy")), number(found.get("label_ceiling"))
    pairs = number(found.get("training_pairs"))
    if right is None:
        return ""
    said = f"prefers the better of two answers in {percent(right.value)} of held-out pairs"
    if right.low is not None and right.high is not None:
        said += f" ({percent(right.low)} to {percent(right.high)})"
    if ceiling is not None:
        said += f"; the labels themselves are right in {percent(ceiling)}, by design"
    return f"{said}; trained on {count(int(pairs), 'pair')}" if pairs else said


def _compute(run: RunData) -> str:
    found = {n: number(v) for n, v in mapping(run.results.get("compute")).items()}
    said = [f"{cast.title(name)} {power(flop)} FLOP" for name, flop in found.items() if flop]
    return ", ".join(said)


def _time(run: RunData) -> str:
    took = [f"{cast.title(n)} {duration(s)}" for n, s in run.seconds.items() if n != "total"]
    total = run.seconds.get("total")
    return f"{', '.join(took)}; {duration(total)} in all" if took and total else ", ".join(took)


def _versions(run: RunData) -> str:
    return ", ".join(f"{k} {v}" for k, v in mapping(run.described.get("versions")).items())


def command(run: RunData) -> str:
    """Return what to type for this run, as far as the run folder knows it."""
    recipe = str(run.described.get("recipe", "all"))
    verb = (
        ["pretrain", "--tiny"]
        if recipe == "pretrain"
        else ["train", "--tiny", "--recipe", recipe]
    )
    words = ["minir1", *verb, "--seed", str(run.described.get("seed", 0))]
    words += ["--backend", str(run.described.get("engine", "auto"))]
    base = str(run.described.get("base", "base"))
    words += ["--base", base] if base != "base" else []
    for key, value in _changed(run).items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)


def _changed(run: RunData) -> Mapping[str, object]:
    """Return the settings that this version would set otherwise, those that it knows."""
    from minir1.config import RunConfig, flatten

    usual = flatten(RunConfig())
    there = dict(_flat(run.settings))
    return {
        key: _typed(there[key])
        for key, value in usual.items()
        if key in there and there[key] != value and not key.startswith(NOT_TYPED)
    }


def _typed(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _words() -> Markup:
    entries = [
        [tag("dt", measure.title), tag("dd", MEANINGS[measure.name])]
        for rows in GROUPS.values()
        for measure in rows
    ]
    return tag(
        "details",
        tag("summary", "What every figure means"),
        tag("dl", entries, class_="method"),
    )


def _settings(run: RunData) -> Markup | None:
    if not run.settings:
        return None
    rows = [
        tag(
            "tr",
            tag("th", key, scope="row"),
            tag(
                "td",
                plain(value) if isinstance(value, float) and abs(value) >= 100 else str(value),
            ),
        )
        for key, value in _flat(run.settings)
    ]
    table = tag("div", tag("table", tag("tbody", rows), class_="settings"), class_="scroll")
    return tag("details", tag("summary", "All settings"), table)


def _flat(
    settings: Mapping[str, object], prefix: str = "", depth: int = 0
) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) and depth < 4:
            rows += _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            rows.append((f"{prefix}{name}", value))
    return rows
