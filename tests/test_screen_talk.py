"""Does an answer that comes word by word look like one that was there at once?"""

import pytest
from example_run import GOOD, HOSTILE, LONG, SUMMARY, pipe, terminal
from rich.text import Text

from minir1.screen.talk import Writer, tell
from minir1.screen.terminal import print_completion


def written(completion, width=40):
    console = pipe(width=width)
    writer = Writer(console)
    for word in completion.split():
        writer.word(word)
    writer.end()
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [30, 80])
@pytest.mark.parametrize("completion", [GOOD, SUMMARY, LONG, "the sky is blue . <eos>", ""])
def test_it_looks_like_the_whole(completion, width):
    console = pipe(width=width)
    print_completion(console, "hi", " ".join(completion.split()))
    whole = console.file.getvalue().splitlines()[1:]
    assert written(completion, width) == whole


def test_parts_are_labelled_and_wide_words_wrap_in_time():
    lines = written("<think> " + "等等 " * 12 + "</think> so <answer> 4 </answer> odd", 32)
    assert lines == [
        "thinking  等等 等等 等等 等等",
        "          等等 等等 等等 等等",
        "          等等 等等 等等 等等",
        "summary   so",
        "answer    4",
        "          odd",
    ]


def test_a_word_is_on_the_screen_before_the_next():
    console = pipe()
    writer = Writer(console)
    writer.word("<think>")
    writer.word("try")
    assert console.file.getvalue() == "thinking  try"


def test_hostile_words_are_inert_and_a_line_has_its_label():
    console = terminal(color_system=None)
    writer = Writer(console)
    for word in HOSTILE.split():
        writer.word(word)
    writer.end()
    writer.line("verdict", Text("✓ right"))
    tell(console, HOSTILE)
    shown = console.file.getvalue()
    assert not set("\x1b\x9b\x07\x08\r\u202e\ud800") & set(shown)
    assert "verdict   ✓ right\n" in shown and "[bold red]markup[/]" in shown
