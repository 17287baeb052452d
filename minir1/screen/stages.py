"""Where in the recipe is this run: what is done, what is at work, what is still ahead?

The map of stages above the curves, one or two lines of it, from names and figures alone.
"""

from collections.abc import Mapping, Sequence

from rich.text import Text

from minir1.screen.plots import figure_value
from minir1.screen.terminal import clean

# Everything that a run can measure or train, in the order of the story.
STORY = (
    "base",
    "r1-zero",
    "dev1",
    "dev2",
    "dev3",
    "reward-model",
    "r1",
    "small-base",
    "distilled",
    "small-rl",
    "distilled-rl",
)
STUDENTS = STORY[STORY.index("small-base") :]
DONE, AT_WORK, AHEAD = "✓", "●", "○"
_STYLES = {DONE: "passed", AT_WORK: "positive", AHEAD: "baseline"}
_NAME_STYLES = {AT_WORK: "title", AHEAD: "baseline"}
Figures = Mapping[str, object]


def place(name: str) -> int:
    """Return where in the story a stage or checkpoint stands; an unknown one is last."""
    return STORY.index(name) if name in STORY else len(STORY)


def stage_map(
    stages: Sequence[str],
    now: str,
    progress: str,
    measured: Mapping[str, Figures],
    width: int,
    most: int,
) -> list[Text]:
    """Draw the stages in at most `most` lines: sign, progress of the one at work, pass@1.

    Where they do not fit, the shares of good general answers go first, then blanks, then the
    stages that are long done.
    """
    names = _with_measured(stages, measured)
    signs, last = _signs(stages, now, measured), list(measured)[-1:]
    lines: list[Text] = []
    for general, spaced in ((names, True), (last, True), ([], True), ([], False)):
        nodes = []
        for name in names:
            shares = _shares(measured.get(name, {}), name in general)
            node = _node(name, signs.get(name, ""), shares, spaced)
            nodes.append(node.append(f" {progress}") if signs.get(name) == AT_WORK else node)
        lines = _pack(nodes, width, " → " if spaced else "→")
        if len(lines) <= most:
            return lines
    for first in range(1, names.index(now) + 1 if now in names else 1):
        shown = Text().append("…→", "baseline").append_text(nodes[first])
        lines = _pack([shown, *nodes[first + 1 :]], width, "→")
        if len(lines) <= most:
            break
    return lines[:most]


def _with_measured(stages: Sequence[str], measured: Mapping[str, Figures]) -> list[str]:
    """The stages in their order, and before them what was measured but is not trained here."""
    names = list(stages)
    for name in measured:
        if name not in names:
            later = [i for i, other in enumerate(names) if place(other) > place(name)]
            names.insert(later[0] if later else len(names), name)
    return names


def _signs(stages: Sequence[str], now: str, measured: Mapping[str, Figures]) -> dict[str, str]:
    reached = list(stages).index(now) if now in stages else -1
    signs = {}
    for index, name in enumerate(stages):
        if name in measured or index < reached:
            signs[name] = DONE
        else:
            signs[name] = AT_WORK if name == now else AHEAD
    return signs


def _shares(figures: Figures, general: bool) -> dict[str, float]:
    """The shares that a node tells, by their names in results.json."""
    wanted = ("pass_at_1", "general") if general else ("pass_at_1",)
    found = {name: figure_value(figures.get(name)) for name in wanted}
    return {name: value for name, value in found.items() if value is not None}


def _node(name: str, sign: str, shares: Mapping[str, float], spaced: bool) -> Text:
    node = Text().append(clean(name), _NAME_STYLES.get(sign, "none"))
    if "pass_at_1" in shares:
        node.append(f" {100 * shares['pass_at_1']:.0f}{' %' if spaced else ''}")
    if "general" in shares:
        node.append(f" (general {100 * shares['general']:.0f} %)", "baseline")
    if sign:
        node.append(" " if spaced else "").append(sign, _STYLES[sign])
    return node


def _pack(nodes: Sequence[Text], width: int, arrow: str) -> list[Text]:
    """Lay the nodes on as many lines as they take, arrows between them."""
    lines = [Text(" ")]
    for index, node in enumerate(nodes):
        joint = arrow if index else ""
        if lines[-1].cell_len + len(joint) + node.cell_len > width and index:
            lines.append(Text(" "))
            joint = joint.lstrip()
        lines[-1].append(joint, "baseline").append_text(node)
    return lines
