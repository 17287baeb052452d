"""Can one talk with a checkpoint, and stop it?"""

import builtins
import os
import pty
import select
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from example_run import pipe, terminal
from small_run import BASE, command, environment, minir1

from minir1 import chat
from minir1.chat import Conversation, stream, typed
from minir1.checkpoint_commands import load
from minir1.config import SampleConfig
from minir1.rollout import sample

ASKED = "use 3 7 1 to make 11"


@pytest.fixture(scope="module")
def base():
    return load(str(BASE))


def drawn(base, address, settings):
    prompt = base.tokenizer.encode(f"<bos> User: {ASKED} . Assistant:")
    eos = base.tokenizer.eos_id
    return list(stream(base.params, base.config, prompt, settings, address, eos))


@pytest.mark.parametrize(
    "settings", [SampleConfig(max_tokens=60, temperature=0.7), SampleConfig(max_tokens=5)]
)
def test_a_stream_draws_what_a_rollout_draws(base, settings):
    prompt = base.tokenizer.encode(f"<bos> User: {ASKED} . Assistant:")
    for seed in range(6):
        address = (seed, "chat", 3)
        ids = base.tokenizer.eos_ids, base.tokenizer.pad_id
        whole = sample(base.params, base.config, [prompt], 1, settings, address, *ids)
        np.testing.assert_array_equal(drawn(base, address, settings), whole.completion(0))


def test_a_stream_gives_a_token_before_it_draws_the_next(base, monkeypatch):
    calls = []
    choose = chat.choose
    monkeypatch.setattr(chat, "choose", lambda *given: calls.append(1) or choose(*given))
    prompt = base.tokenizer.encode("<bos> User: hello . Assistant:")
    tokens = stream(base.params, base.config, prompt, SampleConfig(), (0, "chat", 0), 2)
    next(tokens)
    assert len(calls) == 1


def said(base, *lines, console=None, **options):
    console = console or pipe()
    Conversation(base, console, **options).answer(lines)
    return console.file.getvalue()


def test_lines_of_a_pipe_are_answered_one_by_one(base):
    text = said(base, f"{ASKED}\n", "\n", "hello .\n", "what color\n")
    turns = text.split("\n\n")
    assert turns[0].startswith("prompt    use 3 7 1 to make 11 .\n")
    assert "\nverdict   ✓ right" in turns[0] or "\nverdict   ✗ " in turns[0]
    assert turns[1].startswith("prompt    hello .\n")
    assert turns[2] == "the tiny world has no word 'color' (did you mean colour?)"
    assert len(turns) == 4 and turns[3] == ""


def test_the_same_seed_says_the_same_and_turns_differ(base):
    text = said(base, ASKED, ASKED, ASKED, ASKED)
    assert text == said(base, ASKED, ASKED, ASKED, ASKED)
    assert text != said(base, ASKED, ASKED, ASKED, ASKED, seed=1)
    assert len(set(text.split("\n\n")[:4])) > 1


def test_bye_ends_it_and_words_lists_them(base):
    assert said(base, "Bye", ASKED) == ""
    text = said(base, "words")
    assert "try 试 no 不" in text and "stupid 笨" in text and "prompt" not in text


def test_a_person_need_not_read_again_what_was_typed(base):
    for line, again in ((ASKED, False), (f"{ASKED} .", False), ("用3 7 1来凑11", True)):
        assert ("prompt  " in said(base, line, interactive=True)) == again


def test_a_prompt_that_is_too_long_is_refused(base):
    assert "write a shorter one" in " ".join(said(base, "hello " * 600).split())


def interrupted(base, monkeypatch, *given):
    """Answer two lines; the first is interrupted after three words."""
    original, turns = chat.stream, []

    def breaking(*address):
        turns.append(1)
        for count, token in enumerate(original(*address)):
            if len(turns) == 1 and count == 3:
                raise KeyboardInterrupt(*given)
            yield token

    monkeypatch.setattr(chat, "stream", breaking)
    return said(base, ASKED, ASKED, interactive=not given or given[0] != "piped")


def test_ctrl_c_ends_an_answer_and_not_the_chat(base, monkeypatch):
    first, second, _ = interrupted(base, monkeypatch).split("\n\n")
    assert first.endswith("verdict   stopped")
    assert "verdict   ✓ right" in second or "verdict   ✗ " in second


def test_a_polite_kill_ends_the_chat(base, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        interrupted(base, monkeypatch, "asked to end")


def test_ctrl_c_ends_a_pipe(base, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        interrupted(base, monkeypatch, "piped")


def lines_of(monkeypatch, *events):
    """What `typed` yields when these are typed or happen at the prompt."""
    pending = list(events)

    def fake(prompt):
        assert prompt == "you       "
        event = pending.pop(0)
        if isinstance(event, BaseException):
            raise event
        return event

    monkeypatch.setattr(builtins, "input", fake)
    return list(typed(pipe()))


def test_ctrl_d_and_an_empty_line_leave(monkeypatch):
    assert lines_of(monkeypatch, "a", "b", EOFError()) == ["a", "b"]
    assert lines_of(monkeypatch, "a", "  ", "b") == ["a"]
    assert lines_of(monkeypatch, "a", KeyboardInterrupt(), "b", "") == ["a", "b"]
    with pytest.raises(KeyboardInterrupt):
        lines_of(monkeypatch, KeyboardInterrupt("asked to end"))


def test_a_welcome_says_what_is_understood(base):
    console = terminal(color_system=None)
    Conversation(base, console, interactive=True).welcome("r1")
    text = " ".join(console.file.getvalue().split())
    for wanted in ("r1 knows 68 words", ASKED, "用 3 7 1", "remembers none", "Ctrl-D"):
        assert wanted in text


# for real


def test_a_pipe_gets_answers_and_no_prompt():
    done = subprocess.run(
        command("chat", str(BASE)),
        input=b"use 3 7 1 to make 11\nhello .\n\xff\xfe\n",
        capture_output=True,
        env=environment(),
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert text.startswith("prompt    use 3 7 1 to make 11 .\n") and "you" not in text
    assert "no word '�" in text


def test_without_an_input_there_is_nothing_to_say():
    done = minir1("chat", str(BASE), code="sys.stdin = None")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_person_at_a_terminal():
    """Ask, interrupt the wait for a line, leave with Ctrl-D."""
    master, slave = pty.openpty()
    ctrl_c = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    process = subprocess.Popen(
        command("chat", str(BASE), code=ctrl_c), stdin=slave, stdout=slave, stderr=slave,
        env=environment(TERM="xterm", NO_COLOR="1"), start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    seen = b""

    def until(wanted, again=lambda: None):
        """Read up to these words; do something again where they are long in coming."""
        nonlocal seen
        end = time.monotonic() + 60
        while wanted not in seen and time.monotonic() < end:
            if select.select([master], [], [], 1)[0]:
                seen += os.read(master, 4096)
            else:
                again()
        assert wanted in seen, seen.decode()
        seen = seen.partition(wanted)[2]

    try:
        until(b"Ctrl-D")
        until(b"you       ")
        os.write(master, b"hello .\n")
        until(b"verdict")
        until(b"you       ")
        # A signal between the prompt and the wait for a key is noticed at the next one only.
        until(b"Ctrl-D leaves", lambda: process.send_signal(signal.SIGINT))
        until(b"you       ")
        os.write(master, b"\x04")
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)
