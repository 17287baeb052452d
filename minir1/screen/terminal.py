"""How does minir1 put words on a terminal so that they can be read, and do no harm?

Colours by role, consoles that honour NO_COLOR, and what a model wrote made harmless: without
escape sequences, wrapped, cut in the middle, thinking apart from the answer. What the words
say about a run is the matter of `minir1.screen.panels`; the live display is in `minir1.ui`.
"""

import io
import os
import re
import sys
import unicodedata
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text
from rich.theme import Theme

# Okabe and Ito's colours, moved to a lightness that reads on dark and on light grounds; and
# the sixteen colours, whose shades the terminal's owner chose. A colour is never the only sign.
_RICH_COLOURS = {
    "positive": "#2080c0",
    "negative": "#d55e00",
    "baseline": "#808080",
    "thinking": "italic #9a6fd0",
    "passed": "#009e73",
}
_SIXTEEN_COLOURS = {
    "positive": "blue",
    "negative": "red",
    "baseline": "dim",
    "thinking": "italic magenta",
    "passed": "green",
}
_PLAIN_ROLES = {"title": "bold", "answer": "bold", "curve": "none"}

ROLE_CELLS = 10  # of the column that names the parts of a completion
LONGEST_TEXT = 20_000  # characters of a model's text that are looked at; the middle is dropped
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])(?:[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c))?"  # OSC
    r"|\x1b[ -/]*[0-~]?"  # all other escapes
)
TAG = re.compile(r"</?(?:think|answer)>")
SPECIAL = re.compile(r"<(?:bos|eos|pad)>")
_ASKED = re.compile(r"User:(.*?)(?:Assistant:|$)", re.DOTALL)
ROLE_AFTER = {"<think>": "thinking", "</think>": "summary", "<answer>": "answer"}


@dataclass(frozen=True)
class Sample:
    """One prompt, what the model made of it, and what the verifier said."""

    prompt: str
    completion: str
    reward: float | None = None
    right: bool | None = None  # None: nobody checked
    reason: str = ""


def theme(color_system: str | None) -> Theme:
    """Choose the colours of the roles: names, not shades, where there are only sixteen."""
    sixteen = color_system in ("standard", "windows")
    return Theme({**_PLAIN_ROLES, **(_SIXTEEN_COLOURS if sixteen else _RICH_COLOURS)})


def make_console(stderr: bool = False, **options) -> Console:
    """Make a console for this terminal, or for the pipe that stands in its place.

    With NO_COLOR set there is no colour, bold or italic; and what the output's encoding
    cannot say becomes a question mark instead of an error.
    """
    stream = options.get("file") or (sys.stderr if stderr else sys.stdout)
    if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
        stream.reconfigure(errors="replace")
    options.setdefault("color_system", None if os.environ.get("NO_COLOR") else "auto")
    options.setdefault("force_interactive", None if stream.isatty() else False)
    console = Console(stderr=stderr, highlight=False, **options)
    console.push_theme(theme(console.color_system))
    return console


def clean(text: object) -> str:
    """Take out of a text all that a terminal would obey instead of show.

    Escape sequences go as a whole; control characters, direction overrides, lone surrogates
    and unassigned characters one by one; other line ends become newlines, tabs spaces. Of a
    very long text the middle is dropped.
    """
    shown = str(text)
    if len(shown) > LONGEST_TEXT:
        shown = f"{shown[: LONGEST_TEXT // 2]} … {shown[-LONGEST_TEXT // 2 :]}"
    shown = _SEQUENCES.sub("", shown.replace("\r\n", "\n"))
    return "".join(_harmless(character) for character in shown)


def _harmless(character: str) -> str:
    if character == "\n" or character in "\r\v\f\x85\u2028\u2029":
        return "\n"
    if character == "\t":
        return " "
    return "" if unicodedata.category(character)[0] == "C" else character


def segments(completion: str) -> list[tuple[str, str]]:
    """Split a completion into (role, text): thinking, summary, answer, or outside of them.

    A summary is what stands between the thinking and the answer. For display only: every
    word is kept, whatever is wrong with the tags. A completion whose first tag is `</think>`
    began inside the thoughts, as templates that open the tag do.
    """
    text = SPECIAL.sub(" ", clean(completion))
    tags = [*TAG.findall(text), ""]
    role = "thinking" if tags[0] == "</think>" else "outside"
    found = []
    for piece, tag in zip(TAG.split(text), tags, strict=True):
        if piece.strip():
            found.append((role, piece.strip()))
        role = ROLE_AFTER.get(tag, "outside")
    return found


def asked(prompt: str) -> str:
    """The user's words in a prompt, without the template around them."""
    text = SPECIAL.sub(" ", clean(prompt))
    turns = [turn.strip() for turn in _ASKED.findall(text)]
    return turns[-1] if turns and turns[-1] else text.strip()


def verdict(sample: Sample) -> Text:
    """Say in a sign and a few words what the verifier found."""
    if sample.right is None:
        said = Text().append(clean(sample.reason) or "not checked", "baseline")
    elif sample.right:
        said = Text().append(f"✓ {clean(sample.reason) or 'right'}", "passed")
    else:
        roles = [role for role, _ in segments(sample.completion)]
        why = clean(sample.reason) or ("wrong" if "answer" in roles else "no answer")
        said = Text().append(f"✗ {why}", "negative")
    if sample.reward is not None:
        said.append(f" · reward {sample.reward:.2f}", "baseline")
    return said


def fit(text: str, width: int, lines: int) -> list[str]:
    """Wrap a text into at most `lines` lines of `width` cells, leaving out its middle.

    The beginning and the end are what a reader wants of a chain of thought: how it sets out
    and what it comes to. An ellipsis stands for the words between.
    """
    if width < 1 or lines < 1:
        return []
    words = [
        part
        for word in text.split()
        for part in (chop_cells(word, width) if cell_len(word) > width else [word])
    ]
    wrapped = _wrap(words[: width * lines + 1], width)
    if len(words) <= width * lines and len(wrapped) <= lines:
        return wrapped
    best, low, high = ["…"], 0, min(len(words) - 1, width * lines)
    while low <= high:
        kept = (low + high) // 2
        tail = words[len(words) - kept // 2 :]
        wrapped = _wrap([*words[: kept - kept // 2], "…", *tail], width)
        if len(wrapped) <= lines:
            best, low = wrapped, kept + 1
        else:
            high = kept - 1
    return best


def _wrap(words: list[str], width: int) -> list[str]:
    lines: list[str] = []
    room = -1  # cells left on the last line
    for word in words:
        size = cell_len(word)
        if size < room:
            lines[-1] += f" {word}"
            room -= size + 1
        else:
            lines.append(word)
            room = width - size
    return lines


def print_completion(
    console: Console, prompt: str, completion: str, right: bool | None = None, reason: str = ""
) -> None:
    """Print what was asked, what the model thought, what it answered, and the verdict."""
    parts = [("prompt", Text(asked(prompt)))]
    for role, text in segments(completion):
        said = Text(text, role if role in ("thinking", "answer") else "none")
        parts.append(("" if role == "outside" else role, said))
    if right is not None or reason:
        parts.append(("verdict", verdict(Sample(prompt, completion, None, right, reason))))
    with console.use_theme(theme(console.color_system)):
        for label, said in parts:
            for line in said.wrap(console, max(console.width - ROLE_CELLS, 2)):
                line.rstrip()
                start = Text().append(f"{label:<{ROLE_CELLS}}", "baseline")
                console.print(start.append_text(line), soft_wrap=True)
                label = ""
