"""Is what a model wrote shown whole, in its parts, and without doing harm?"""

import io

import pytest
from example_run import GOOD, HOSTILE, SUMMARY, pipe
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from minir1.screen.terminal import (
    LONGEST_TEXT,
    Sample,
    asked,
    clean,
    fit,
    make_console,
    print_completion,
    segments,
    theme,
    verdict,
)


def printed(text_or_table, width=60, **options):
    console = pipe(width=width, **options)
    console.print(text_or_table)
    return console.file.getvalue()


def test_clean_takes_escape_sequences_whole():
    assert clean("\x1b[31;1mred\x1b[0m \x9b2Jblue") == "red blue"
    assert clean("\x1b]0;title\x07x\x1bP1;2qsixel\x1b\\y\x1bc") == "xy"


def test_clean_keeps_what_follows_a_sequence_without_end():
    assert clean("a\x1b]0;the rest") == "a0;the rest"
    assert clean("a\x1b[") == "a" and clean("a\x1b") == "a"


def test_clean_takes_controls_overrides_and_surrogates():
    assert clean("a\x00b\x08c\u202ed\u200be\ud800f\x7fg") == "abcdefg"
    assert clean("one\r\ntwo\rthree\u2028four\tfive") == "one\ntwo\nthree\nfour five"
    assert clean("用 3 来 凑 é ✓") == "用 3 来 凑 é ✓"


@given(st.text())
def test_clean_leaves_nothing_to_obey(text):
    shown = clean(text)
    shown.encode()
    assert not any(c != "\n" and (c < " " or "\x7f" <= c <= "\x9f") for c in shown)
    assert clean(shown) == shown


def test_clean_bounds_a_long_text_and_keeps_its_ends():
    shown = clean("start" + "x" * 10_000_000 + "end")
    assert len(shown) < LONGEST_TEXT + 10
    assert shown.startswith("start") and shown.endswith("end") and " … " in shown


HOW = [("thinking", "try 7 + 1 = 8 , 8 + 3 = 11 yes so")]


@pytest.mark.parametrize(
    ("completion", "parts"),
    [
        (GOOD, [("thinking", "try 3 * 1 = 3 no"), ("answer", "( 7 + 1 ) + 3")]),
        ("<answer> 4 </answer> <eos>", [("answer", "4")]),
        (SUMMARY, [*HOW, ("summary", "7 + 1 = 8 , 8 + 3 = 11"), ("answer", "( 7 + 1 ) + 3")]),
        ("<think> never ends", [("thinking", "never ends")]),
        ("opened before </think> <answer> 4", [("thinking", "opened before"), ("answer", "4")]),
        ("hello </answer> there", [("outside", "hello"), ("outside", "there")]),
        ("<pad> <eos>", []),
        ("", []),
    ],
)
def test_segments(completion, parts):
    assert segments(completion) == parts


def test_asked():
    assert asked("<bos> User: use 3 7 1 to make 11 . Assistant:") == "use 3 7 1 to make 11 ."
    assert asked("A conversation. User: hi\nAssistant: yes User: and?") == "and?"
    assert asked("just a prompt") == "just a prompt"
    assert asked("<bos> User: Assistant:") == "User: Assistant:"


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (Sample("", GOOD, 1.1, True), "✓ right · reward 1.10"),
        (Sample("", GOOD, 0.1, False), "✗ wrong · reward 0.10"),
        (Sample("", "<think> 3", 0.0, False), "✗ no answer · reward 0.00"),
        (Sample("", GOOD, None, False, "used 7 twice"), "✗ used 7 twice"),
        (Sample("", GOOD), "not checked"),
    ],
)
def test_verdict_says_it_without_colour(sample, said):
    assert verdict(sample).plain == said


def test_fit_keeps_both_ends_around_an_ellipsis():
    text = " ".join(map(str, range(100)))
    lines = fit(text, 20, 3)
    assert lines[0].startswith("0 1 2") and lines[-1].endswith("98 99")
    assert len(lines) == 3 and " ".join(lines).split().count("…") == 1
    assert fit("a b c", 20, 3) == ["a b c"]
    assert fit("a b c", 1, 1) == ["…"]
    assert fit("", 9, 2) == []


def test_fit_leaves_out_as_little_as_it_can():
    assert fit("aa bb cc dd ee", 11, 1) == ["aa bb … ee"]
    assert fit("aa bb cc dd ee", 14, 1) == ["aa bb cc dd ee"]


def test_fit_knows_that_chinese_is_wide():
    lines = fit("等等 " * 40, 15, 4)
    assert len(lines) == 4 and max(map(cell_len, lines)) <= 15
    lines = fit("等" * 80, 15, 4)
    assert len(lines) >= 3 and max(map(cell_len, lines)) <= 15


@given(st.text(max_size=200), st.integers(-1, 30), st.integers(-1, 5))
def test_fit_keeps_the_size(text, width, lines):
    fitted = fit(clean(text), width, lines)
    assert len(fitted) <= max(lines, 0)
    assert all(cell_len(line) <= max(width, 2) for line in fitted)  # one wide sign in one cell


def test_print_completion_shows_thinking_apart():
    console = pipe(width=60)
    print_completion(console, "<bos> User: use 3 7 1 to make 11 . Assistant:", GOOD, True)
    assert console.file.getvalue().splitlines() == [
        "prompt    use 3 7 1 to make 11 .",
        "thinking  try 3 * 1 = 3 no",
        "answer    ( 7 + 1 ) + 3",
        "verdict   ✓ right",
    ]


def test_print_completion_wraps_under_itself_and_keeps_lines():
    console = pipe(width=30)
    print_completion(console, "hi", "<think> one\ntwo" + " three" * 5)
    assert console.file.getvalue().splitlines() == [
        "prompt    hi",
        "thinking  one",
        "          two three three",
        "          three three three",
    ]


def test_print_completion_of_hostile_text_is_inert():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    print_completion(console, HOSTILE, HOSTILE, False, HOSTILE)
    shown = console.file.getvalue()
    assert not set("\x1b\x9b\x07\x08\r\u202e\ud800") & set(shown)
    assert "[bold red]markup[/]" in shown and ":smile:" in shown and "owned" not in shown


def test_no_color_means_no_escape_codes(monkeypatch):
    options = {"force_terminal": True}
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[" in printed(verdict(Sample("", GOOD, 1.0, True)), **options)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in printed(verdict(Sample("", GOOD, 1.0, True)), **options)


def test_sixteen_colours_are_named_so_that_their_owner_chose_them():
    for role in ("positive", "negative", "baseline", "thinking", "answer", "passed"):
        color = theme("standard").styles[role].color
        assert color is None or color.number < 8, role
    assert theme("standard").styles.keys() == theme("truecolor").styles.keys()


def test_an_encoding_that_lacks_a_sign_gets_a_question_mark():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    console = make_console(file=stream, width=60, _environ={})
    console.print(verdict(Sample("", GOOD, 1.0, True)))
    console.file.flush()
    assert raw.getvalue().startswith(b"? right")
