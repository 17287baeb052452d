"""What happened in this run, on one screen: title, facts, summary, map."""

from pathlib import Path

from minir1.reporting import cast
from minir1.reporting.findings import summary
from minir1.reporting.formats import count, duration, mapping, number
from minir1.reporting.html import Markup, section, tag
from minir1.reporting.rundata import RunData
from minir1.reporting.stage_map import stage_map


def heading(run: RunData) -> Markup:
    """Return what this run is called."""
    recipe = str(run.described.get("recipe", ""))
    names = {
        "r1-zero": "R1-Zero",
        "r1": "R1",
        "all": "R1 and its students",
        "pretrain": "A base",
    }
    return tag(
        "h1", names.get(recipe, "A run"), tag("span", f"seed {run.described.get('seed')}")
    )


def facts(run: RunData) -> Markup:
    """Return what to know first: a real model and its task, engine, an unusual reward, size of
    the test, time.
    """
    problems, samples = run.measured
    said = [f"{run.described.get('engine', '?')} engine"]
    if run.settings.get("task"):
        named = (Path(str(run.settings.get(key))).name for key in ("model", "task"))
        said = [*named, *said]
    if (kind := mapping(run.settings.get("reward")).get("kind", "rule")) != "rule":
        said.append(f"reward.kind={kind}")
    if problems:
        said.append(f"{count(problems, 'test problem')}, {count(samples, 'answer')} to each")
    seconds = [number(line.get("seconds")) for line in run.metrics[-1:]]
    if run.seconds.get("total"):
        ending = "so far" if run.unfinished else "in all"
        said.append(f"{duration(run.seconds['total'])} {ending}")
    elif seconds and seconds[0]:
        said.append(f"{duration(seconds[0])} into its stage")
    return tag("ul", [tag("li", fact) for fact in said], class_="facts")


def notice(run: RunData) -> Markup | None:
    """Say that a run is not finished, and where it stands."""
    if not run.unfinished:
        return None
    waiting = [cast.title(name) for name in run.planned if name not in run.checkpoints]
    place = ""
    if run.metrics:
        last = run.metrics[-1]
        place = (
            f" Its last line is {cast.title(str(last.get('stage')))}, step {last.get('step')}."
        )
    text = f"This run is not finished.{place} Not measured yet: {', '.join(waiting)}."
    return tag(
        "p",
        text,
        " The command ",
        tag("code", "minir1 report"),
        " makes this page again.",
        class_="notice",
        role="note",
    )


def told(run: RunData) -> Markup | None:
    """Tell the run in a few sentences."""
    sentences = summary(run.checkpoints)
    if not sentences:
        return None
    return tag(
        "div",
        tag("p", " ".join(sentences[:2])),
        tag("p", " ".join(sentences[2:])) if sentences[2:] else None,
        class_="summary",
    )


def the_map(run: RunData) -> Markup:
    """Draw the map with its legend."""
    legend = (
        tag(
            "p",
            "Large: problems solved at the first try (pass@1), with the 95",
            "\u202f% interval beside it. ",
            tag("span", "→", class_="key"),
            " hands on weights; ",
            tag("span", "⇢", class_="key"),
            " hands on training data." if len(run.planned) > 2 else None,
            class_="caption",
        )
        if len(run.planned) > 2
        else tag(
            "p",
            "Large: problems solved at the first try (pass@1), with the 95\u202f% interval.",
            class_="caption",
        )
    )
    return section("map", "The stages", None, stage_map(run.checkpoints, run.planned), legend)
