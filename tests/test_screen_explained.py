"""Can a step be read at 80 cells and at 120, piped, and when its words are hostile?"""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from minir1.explanation import Answer, Batch, Explanation, Group, OptimiserStep, Token
from minir1.screen.explained import Explained
from minir1.screen.terminal import make_console, theme

SECTIONS = (
    "1  The question", "2  3 answers", "3  Rewards", "4  Advantages",
    "5  What a token counts, and where it is pushed", "6  The gradient and the update",
    "7  Before and after",
)  # fmt: skip


def answer(number: int, reward: float, words: str, push: float) -> Answer:
    tokens = tuple(
        Token(word, -1.0, -1.0 - 1e-6, -1.0 + 50 * push, 0.01, push, push * 0.6)
        for word in words.split()
    )
    parts = {"accuracy": reward, "format": 1.0, "language": 1.0}
    advantage = {1: 1.4140, 2: -0.7070, 3: -0.7070}[number]
    return Answer(number, words, True, parts, reward, advantage, tokens)


GROUP = Group(
    prompt="<bos> User: use 3 7 1 to make 11 . Assistant:",
    number=2,
    answers=(
        answer(1, 1.0, "<think> 3 + 7 = 10 , 10 + 1 = 11 yes </think> <eos>", 0.01),
        answer(2, 0.0, "no " * 60 + "<eos>", -0.005),
        answer(3, 0.0, "等等 " * 8 + "<eos>", -0.005),
    ),
    mean=1 / 3,
    std=0.4714,
    norm=0.12,
    share=0.25,
)
UPDATES = (OptimiserStep(3, 100, 1.5, False), OptimiserStep(2, 90, 0.4, True))
BATCH = Batch(6, 1, 0.4, 10, 8, 12, 9, UPDATES, 5e-4, 0.2, 80.0)
SETTINGS = {
    "scale": "std", "average": "token", "combine": "sum", "grad_clip": 1.0, "kl_weight": 0.0,
}  # fmt: skip
WEIGHTS = {"accuracy": 1.0, "format": 0.1, "language": 0.0}
TOLD = Explanation(
    "r1-zero", 3, GROUP, BATCH, SETTINGS, 1.0, WEIGHTS, "grpo", by_token=False, metrics={}
)


def shown(told: Explanation = TOLD, width: int = 80, notes: tuple[str, ...] = ()) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.push_theme(theme(None))
    console.print(Explained(told, "base", notes))
    return console.file.getvalue()  # type: ignore[attr-defined]


def spoken(told: Explanation = TOLD, **more: Any) -> str:
    """All of it on one line, however it was wrapped."""
    return " ".join(shown(told, **more).split())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_all_sections_are_there_and_no_line_is_too_long(width: int) -> None:
    lines = shown(width=width).splitlines()
    assert [line for line in lines if line in SECTIONS] == list(SECTIONS)
    assert max(map(cell_len, lines)) <= min(width, 110 + 3)


def test_nothing_is_cut_off_at_80_cells() -> None:
    assert "…" not in shown(replace(TOLD, group=replace(GROUP, answers=GROUP.answers[:1])))


def test_the_arithmetic_is_written_out() -> None:
    said = spoken()
    assert "base · r1-zero, step 3 · prompt 2 of 6" in said
    assert "use 3 7 1 to make 11" in said and "<bos>" not in said.split("2 3 answers")[0]
    assert "mean = (1.00 + 0.00 + 0.00) / 3 = 0.333" in said
    assert "Â1 = (1.00 − 0.333) / (0.471 + 0.0001) = +1.414" in said
    assert "1 · accuracy + 0.1 · format." in said  # what has no weight is not told
    assert "Here w = 1 / 100." in said
    assert "makes up 25 % of its update's" in said
    assert "8 of 10 answers that were pushed up became likelier, and 9 of 12" in said
    assert "1 of them teach nothing" in said


def test_every_update_says_whether_it_was_shortened_and_has_the_group() -> None:
    lines = [line.split() for line in shown().splitlines()]
    assert ["1", "3", "100", "1.500", "shortened"] in lines
    assert ["2", "2", "90", "0.400", "with", "this", "group"] in lines


def test_the_tokens_that_are_pushed_most_stand_between_their_neighbours() -> None:
    said = spoken()
    assert "▲ +6.0e-03 36.8 %" in said and "▼ -3.0e-03" in said
    assert "[<think>] 3 +" in said
    up = [line for line in shown().splitlines() if line.lstrip().startswith("▲")]
    assert len(up) == 5


def test_a_change_says_its_direction_without_colour() -> None:
    strange = replace(
        GROUP.answers[1], tokens=(replace(GROUP.answers[1].tokens[0], rescored=0),)
    )
    said = spoken(replace(TOLD, group=replace(GROUP, answers=(GROUP.answers[0], strange))))
    rows = said.split(" Â ")[-1].split("In the whole")[0].split("×")[1:]
    assert "as pushed" in rows[0] and "carried along" in rows[1]
    assert "▲ × " in said and "▼ × " in spoken()


def test_what_differs_from_grpo_is_said() -> None:
    other = {**SETTINGS, "average": "constant", "kl_weight": 0.1, "scale": "none"}
    said = spoken(
        replace(TOLD, settings=other, objective="ppo", by_token=True, temperature=0.7)
    )
    assert "Compared as ppo does, with scale=none" in said
    assert "A critic goes on from here" in said
    assert "1 / the most tokens" in said and "less the pull of the KL" in said
    assert "own probabilities at temperature 0.7" in said
    assert "temperature" not in spoken() and "KL" not in spoken()


def test_without_std_the_arithmetic_has_none() -> None:
    answers = tuple(replace(a, advantage=a.reward - 1 / 3) for a in GROUP.answers)
    settings = {**SETTINGS, "scale": "none"}
    said = spoken(replace(TOLD, settings=settings, group=replace(GROUP, answers=answers)))
    assert "Â1 = 1.00 − 0.333 = +0.667" in said and "std =" not in said


def test_a_flat_group_is_told_as_one() -> None:
    still = tuple(
        replace(a, advantage=0.0, tokens=tuple(
            replace(t, push=0.0, pull=0.0, weight=0.0) for t in a.tokens
        ))
        for a in GROUP.answers
    )  # fmt: skip
    said = spoken(replace(TOLD, group=replace(GROUP, answers=still, norm=0.0, share=0.0)))
    for sentence in ("nothing is learnt", "No token of this group is pushed", "adds nothing"):
        assert sentence in said
    assert "as pushed" not in said


def test_a_group_against_the_others_and_a_batch_that_all_teaches() -> None:
    against = replace(TOLD, group=replace(GROUP, share=-0.1), batch=replace(BATCH, flat=0))
    assert "points against its update's" in spoken(against)
    assert "Every prompt teaches something" in spoken(against)


def test_notes_and_general_prompts() -> None:
    said = spoken(
        replace(TOLD, part_weights={**WEIGHTS, "preference": 1.0}, group=with_worth())
    )
    assert "general prompts by a reward model" in said
    assert "Note: it is so." in spoken(notes=("it is so",))


def with_worth() -> Group:
    answers = tuple(replace(a, parts={**a.parts, "preference": 0.5}) for a in GROUP.answers)
    return replace(GROUP, answers=answers)


def test_hostile_words_are_harmless() -> None:
    bad = "\x1b]0;owned\x07\x1b[2J [bold]not[/bold] [/] \u202etxt"
    token = replace(GROUP.answers[0].tokens[0], word=bad)
    evil = replace(GROUP.answers[0], tokens=(token,))
    said = shown(replace(TOLD, group=replace(GROUP, prompt=bad, answers=(evil,))))
    assert "\x1b" not in said and "\u202e" not in said and "owned" not in said
    assert "[bold]not[/bold] [/]" in said


def test_piped_it_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    make_console().print(Explained(TOLD, "base"))
    assert "\x1b" not in capsys.readouterr().out


def test_on_a_terminal_up_and_down_have_colours() -> None:
    console = Console(
        file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor"
    )
    console.push_theme(theme("truecolor"))
    console.print(Explained(TOLD, "base"))
    assert "\x1b[" in console.file.getvalue()  # type: ignore[attr-defined]
