"""How does an answer appear on the terminal while the model still writes it?

Word by word under the label of its part, wrapped as it goes: what `print_completion` shows of
a completion that is there already.
"""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from minir1.screen.terminal import ROLE_AFTER, ROLE_CELLS, SPECIAL, TAG, clean

YOU = f"{'you':<{ROLE_CELLS}}"
LABELLED = ("thinking", "summary", "answer")


class Writer:
    """Write words as they come; the tags among them say what they are."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._role = "outside"
        self._cells = 0  # used on the line so far; 0: none was begun

    def word(self, word: str) -> None:
        """Write a word, or turn to the part of the answer that a tag opens."""
        if SPECIAL.fullmatch(word):
            return
        if TAG.fullmatch(word):
            self.end()
            self._role = ROLE_AFTER.get(word, "outside")
            return
        shown = clean(word)
        if self._cells and self._cells + 1 + cell_len(shown) <= self.console.width:
            self._put(f" {shown}")
            return
        label = "" if self._cells or self._role not in LABELLED else self._role
        self.end()
        self._put(f"{label:<{ROLE_CELLS}}", "baseline")
        self._put(shown)

    def end(self) -> None:
        """End the line that was begun, if any."""
        if self._cells:
            self.console.print()
        self._cells = 0

    def line(self, label: str, said: Text) -> None:
        """Write a whole line under a label."""
        start = Text().append(f"{label:<{ROLE_CELLS}}", "baseline")
        self.console.print(start.append_text(said), soft_wrap=True)

    def _put(self, text: str, style: str = "") -> None:
        own = self._role if self._role in ("thinking", "answer") else "none"
        self.console.print(Text().append(text, style or own), end="", soft_wrap=True)
        self.console.file.flush()
        self._cells += cell_len(text)


def tell(console: Console, *lines: str) -> None:
    """Say something about the conversation, quietly, wrapped at words."""
    for line in lines:
        console.print(Text(clean(line), "baseline"))
