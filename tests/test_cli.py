"""Does the command line answer every mistake in one line, and never with a traceback?"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_run import BASE, SETTINGS, arguments, command, environment, lines, minir1

from minir1 import cli
from minir1.checkpoint import load_checkpoint, save_checkpoint
from minir1.tokenizer import WordTokenizer

VERBS = ("bench", "chat", "doctor", "eval", "explain", "export", "pretrain", "report")
VERBS = (*VERBS, "reproduce", "sample", "train", "verify")
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Typed:
    """Type a command in this process, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    polite = signal.getsignal(signal.SIGTERM)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["minir1", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        signal.signal(signal.SIGTERM, polite)
        out, err = capfd.readouterr()
        return int(end.value.code or 0), out, err

    return run


def refused(done: tuple[int, str, str], *said: str) -> None:
    """Exit code 2, nothing on stdout, and one line on stderr that says all of this."""
    code, out, err = done
    assert (code, out) == (2, ""), done
    assert err.startswith("minir1: ") and err.count("\n") == 1 and err.endswith("\n"), err
    for words in said:
        assert words in err, err


# what can be typed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, typed: Typed) -> None:
    code, out, err = typed(verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: minir1 {verb} ")
    assert typed(verb, "-h") == (0, out, "")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_without_a_verb_there_is_an_overview(words: tuple[str, ...], typed: Typed) -> None:
    code, out, err = typed(*words)
    assert (code, err) == (0, "")
    listed = out.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in listed) == VERBS
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_help_of_every_verb_computes_nothing() -> None:
    """One process for all of them; what a verb needs is imported when it runs."""
    watch = (
        "import io\nfrom minir1.cli import cli\n"
        f"for verb in {VERBS}:\n"
        "    cli([verb, '--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'mlx', 'rich', 'safetensors', 'tokenizers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = minir1("--version", code=watch)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("minir1, version ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "no command 'trian'; did you mean train? type: minir1 --help"),
        (["qqq"], f"no command 'qqq'; there are {', '.join(VERBS)}; type: minir1 --help"),
        (["train", "--bass", "x"], "No such option '--bass'"),
        (["sample"], "Missing argument 'CHECKPOINT'; type: minir1 sample --help"),
        (["chat"], "Missing argument 'CHECKPOINT'; type: minir1 chat --help"),
        (["sample", "a", "b c", "d"], "extra argument (d); for several checkpoints add --com"),
        (["sample", "a", "b c", "--prompt", "d"], "extra argument (b c); type: minir1 sample"),
        (["sample", "--compare", "base"], "--compare wants two checkpoints or more"),
        (["sample", "--compare", "base", "base", "x y"], "--compare wants two checkpoints"),
        (["sample", "--compare", "base", "a b", "c d"], "there is no checkpoint a b"),
        (["train", "--tiny", "--recipe", "r2"], "'r2' is not one of 'r1-zero', 'r1', 'all'"),
        (["train"], "type: minir1 train --tiny"),
        (["pretrain"], "type: minir1 pretrain --tiny"),
        (["train", "--tiny", "x"], "unexpected extra argument (x)"),
        (["train", "--tiny", "--seed", "x"], "'x' is not a valid integer"),
        (["train", "--tiny", "--seed", "-1"], "-1 is not in the range"),
        (["sample", "base", "--seed", "-1"], "-1 is not in the range"),
        (["chat", "base", "--temperature", "0"], "0.0 is not in the range"),
        (["train", "--tiny", "--backend", "cuda"], "'cuda' is not one of 'auto', 'numpy'"),
        (["sample", "base", "-n", "0"], "0 is not in the range"),
        (["sample", "base", "--temperature", "0"], "0.0 is not in the range"),
        (["eval", "base", "--problems", "501"], "501 is not in the range"),
        (["eval", "base", "--split", "train"], "'train' is not one of 'test', 'validation'"),
    ],
)
def test_a_mistyped_command_is_answered(words: list[str], said: str, typed: Typed) -> None:
    refused(typed(*words), said)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("grpo.lerning_rate=1", "did you mean grpo.learning_rate?"),
        ("lr=1", "did you mean grpo.learning_rate or dev1.learning_rate or"),
        ("grpo.steps=many", "grpo.steps=many: wanted a whole number"),
        ("grpo.steps", "wanted --set grpo.steps=40"),
        ("grpo.average=mean", "wanted token, sequence or constant"),
        ("grpo=1", "grpo is a group"),
        ("recipe=pretrain", "this verb runs all"),
        ("backend=mlx", "type --backend mlx"),
        ("model.hidden_size=64", "the shape of the model is that of the base"),
        ("sample.max_tokens=512", "less than model.max_position_embeddings=512"),
    ],
)
def test_a_mistyped_setting_is_answered(setting: str, said: str, typed: Typed) -> None:
    refused(typed("train", "--tiny", "--base", BASE, "--set", setting), said)
    assert list(Path().iterdir()) == []  # nothing was begun


def test_a_mistyped_setting_of_pretraining_is_answered(typed: Typed) -> None:
    refused(typed("pretrain", "--tiny", "--set", "recipe=r1-zero"), "this verb runs pretrain")
    refused(typed("pretrain", "--tiny", "--set", "pretrain.step=5"), "pretrain.steps?")
    assert list(Path().iterdir()) == []


# checkpoints


@pytest.mark.parametrize("verb", ["chat", "eval", "sample", "train"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no checkpoint nothing; wanted a folder, a run"),
        ("modle", "there is no checkpoint modle; did you mean model?"),
        ("empty", "empty is no checkpoint and no run"),
        ("file", "file is no checkpoint and no run"),
    ],
)
def test_a_checkpoint_that_is_not_there(
    verb: str, name: str, said: str, typed: Typed, tmp_path: Path
) -> None:
    shutil.copytree(BASE, tmp_path / "model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("hello")
    refused(typed(verb, *(["--tiny", "--base", name] if verb == "train" else [name])), said)
    assert not (tmp_path / "runs").exists()


def damaged(folder: Path, how: str) -> Path:
    """A copy of the base with one thing wrong."""
    shutil.copytree(BASE, folder)
    params, config, tokenizer = load_checkpoint(BASE)
    weights = folder / "model.safetensors"
    data = weights.read_bytes()
    if how == "truncated":
        weights.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        weights.write_bytes(data[:-9] + bytes([data[-9] ^ 64]) + data[-8:])
    elif how == "not a number":
        (folder / "minir1.json").unlink()
        from safetensors.numpy import save_file

        params["model.norm.weight"][3] = np.nan
        save_file(params, weights)
    elif how == "other words":
        words = list(tokenizer.words)
        words[20], words[21] = words[21], words[20]
        shutil.rmtree(folder)
        save_checkpoint(folder, params, config, WordTokenizer(words))
    elif how == "other architecture":
        told = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(told | {"model_type": "gpt2"}))
    else:
        (folder / how).unlink()
    return folder


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("truncated", "truncated or corrupt"),
        ("flipped", "its digest differs from minir1.json"),
        ("not a number", "model.norm.weight holds NaN (1 of 32 values)"),
        ("other words", "different tokenizers"),
        ("other architecture", "model_type is 'gpt2'"),
        ("config.json", "config.json is missing"),
        ("model.safetensors", "model.safetensors is missing"),
        ("tokenizer.json", "is not a word tokenizer"),
    ],
)
def test_a_checkpoint_that_is_damaged(
    how: str, said: str, typed: Typed, tmp_path: Path
) -> None:
    folder = damaged(tmp_path / "damaged", how)
    refused(typed("sample", folder, "hello"), said, "damaged")
    refused(typed("train", "--tiny", "--base", folder), said)
    assert not (tmp_path / "runs").exists()


# runs


def test_there_is_nothing_to_resume(typed: Typed, tmp_path: Path) -> None:
    refused(typed("train", "--tiny", "--resume"), "there is no run in runs/ to resume")
    refused(typed("train", "--tiny", "--resume", "--out", "x"), "there is no run x")
    refused(typed("pretrain", "--tiny", "--resume"), "there is no run in runs/ to resume")
    refused(typed("train", "--tiny", "--resume", "--out", BASE), "not a run's")


@pytest.mark.parametrize(
    "option",
    ["--recipe=all", "--seed=0", "--base=base", "--from=x", "--backend=auto", "--set=a=1"],
)
def test_what_a_resumed_run_would_ignore_is_refused(option: str, typed: Typed) -> None:
    name = option.partition("=")[0]
    refused(typed("train", "--tiny", "--resume", option), f"leave out {name}\n")
    if name not in ("--recipe", "--base", "--from"):
        refused(typed("pretrain", "--tiny", "--resume", option), f"leave out {name}\n")


def test_a_run_from_the_first_command_to_the_last(typed: Typed, tmp_path: Path) -> None:
    """Train into runs/, stumble over what is there, resume by name and without, look."""
    words = [w for w in arguments("train", "@") if w not in ("--out", "@")]
    code, out, err = typed(*words)
    assert (code, err) == (0, "")
    told = out.splitlines()
    assert sum(line.startswith("stage=r1-zero step=") for line in told) == 4
    assert "the run is in runs/r1-zero-seed0" in told
    assert any(line.split()[:1] == ["pass@1,"] for line in told)
    assert told[-1] == "the report is runs/r1-zero-seed0/report.html"
    assert typed(*words, "--quiet", "--set", "grpo.steps=1")[0] == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        "r1-zero-seed0", "r1-zero-seed0-2"
    ]  # fmt: skip
    again = typed(*words, "--out", "runs/r1-zero-seed0")
    refused(again, "holds a run", "minir1 train --tiny --out runs/r1-zero-seed0 --resume")
    wrong = typed("pretrain", "--tiny", "--resume", "--out", "runs/r1-zero-seed0")
    refused(wrong, "is a run of r1-zero; type: minir1 train --tiny --out runs/r1-zero-seed0")
    code, out, err = typed("train", "--tiny", "--resume", "--quiet")
    assert (code, err) == (0, "") and "the run is in runs/r1-zero-seed0-2" in out
    code, out, _ = typed("sample", "runs/r1-zero-seed0/base", "use 3 7 1 to make 11")
    assert code == 0 and out.startswith("prompt    use 3 7 1 to make 11 .\n")
    code, out, err = typed("sample", "r1-zero", "use 3 7 1 to make 11")
    assert (code, err) == (0, "r1-zero: that of runs/r1-zero-seed0-2\n")
    (tmp_path / "runs" / "r1-zero-seed0" / "report.html").unlink()
    assert typed("report", "runs/r1-zero-seed0")[0] == 0
    assert (tmp_path / "runs" / "r1-zero-seed0" / "report.html").exists()
    assert typed("report")[1] == "the report is runs/r1-zero-seed0/report.html\n"
    refused(typed("report", "runs/r1-zero-sed0"), "did you mean runs/r1-zero-seed0?")
    refused(typed("sample", "runs/r1-zero-seed0/bse"), "did you mean")


def test_a_run_takes_over_what_its_settings_leave_alike(typed: Typed) -> None:
    words = arguments("train", "old", "grpo.steps=1", "evaluation.problems=2")
    assert typed(*words, "--quiet")[0] == 0
    refused(typed(*words, "--out", "new", "--from", "odl"), "odl is no run; did you mean old?")
    assert not Path("new").exists()
    more = ("--quiet", "--from", "old")
    assert typed(*words, "--out", "a", *more)[::2] == (0, "taken over from old: r1-zero\n")
    code, _, err = typed(*words, "--out", "b", *more, "--set", "grpo.prompts=8")
    assert (code, err) == (0, "taken over from old: nothing: its settings differ\n")


def test_there_is_nothing_to_report_on(typed: Typed, tmp_path: Path) -> None:
    refused(typed("report"), "there is no run in runs/ to report on")
    (tmp_path / "runs" / "empty").mkdir(parents=True)
    refused(typed("report"), "there is no run in runs/ to report on")
    refused(typed("report", "runs/empty"), "runs/empty is no run")


def test_quiet_prints_the_end_alone(typed: Typed) -> None:
    words = arguments("train", "run", "grpo.steps=1", "evaluation.problems=2")
    code, out, err = typed(*words, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("the run is in run\n") and "step=" not in out


def test_a_run_whose_base_was_never_copied_is_begun_again(typed: Typed, tmp_path: Path) -> None:
    assert typed(*arguments("train", "run", "grpo.steps=0"), "--quiet")[0] == 0
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    shutil.rmtree(tmp_path / "run" / "state", ignore_errors=True)
    resumed = typed("train", "--tiny", "--out", "run", "--resume")
    refused(resumed, "stopped before it had copied its base: delete it and start again")


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small disk"
)
def test_a_disk_that_fills_up(typed: Typed, tmp_path: Path) -> None:
    """A real one of 1.2 MB: it holds a few steps, not the checkpoints of eight."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1200k", "none", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no right to mount")
    try:
        words = arguments("train", disk / "run", "grpo.steps=8", "keep_every=1")
        done = minir1(*words, "--quiet", cwd=tmp_path)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.count("\n") == 1
        assert "No space left on device; the saved state (r1-zero step " in done.stderr
        shutil.copytree(disk / "run", tmp_path / "roomier")
    finally:
        subprocess.run(["umount", disk], check=True)
    code, _, err = typed("train", "--tiny", "--out", "roomier", "--resume", "--quiet")
    assert (code, err) == (0, "")
    steps = [row["step"] for row in lines(tmp_path / "roomier" / "metrics.jsonl")]
    assert steps == list(range(1, 9))


# eval and sample


def test_eval_writes_what_it_shows(typed: Typed, tmp_path: Path) -> None:
    words = ("eval", BASE, "--problems", 5, "--samples", 2, "--backend", "numpy")
    words += ("--json", "figures.json")
    code, out, err = typed(*words)
    assert code == 0 and err == "answering 5 test problems, 2 times each\n"
    told = json.loads((tmp_path / "figures.json").read_text())
    assert (told["schema"], told["seed"], told["engine"]) == (1, 0, "numpy")
    (figures,) = told["checkpoints"].values()
    assert figures["pass_at_1"]["problems"] == 5 and "maj_at_2" in figures
    shown = dict(line.rsplit(maxsplit=1) for line in out.splitlines() if len(line.split()) > 1)
    assert float(shown["completion tokens"]) == pytest.approx(
        figures["completion_tokens"], abs=0.05
    )
    assert f"P(yes | hit) {figures['verdict']['first_attempt']['yes_given_hit']:.2f}" in out
    assert typed(*words) == (code, out, err)  # and again the same


def test_eval_refuses_what_it_could_not_write_or_ask(typed: Typed) -> None:
    few = ("eval", BASE, "--problems", 1, "--samples", 1)
    refused(typed(*few, "--json", "nowhere/x.json"), "wanted a file in a folder that exists")
    refused(typed(*few, "--json", "."), "wanted a file in a folder that exists")
    refused(typed("eval", BASE, "--problems", 251, "--split", "validation"), "split has 250")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "the prompt is empty"),
        ("hello <eos>", "<eos> belongs to the frame"),
        ("use 3, 7 to make 11", "no word '3,'; did you mean 3?"),
        ("wibble", "no word 'wibble'"),
        ("use 3 7 1 to make 111", "no word '111'"),
        ("hello " * 510, "the prompt has 513 words with its frame, and this model reads 512"),
    ],
)
def test_a_prompt_that_cannot_be_read(prompt: str, said: str, typed: Typed) -> None:
    refused(typed("sample", BASE, prompt), said)


def test_sample_shows_thinking_answer_and_verdict(typed: Typed) -> None:
    code, out, err = typed("sample", BASE, "use 3 7 1 to make 11", "-n", 6)
    assert (code, err) == (0, "")
    parts = out.rstrip("\n").split("\n\n")
    assert len(parts) == 6
    for part in parts:
        assert part.startswith("prompt    use 3 7 1 to make 11 .\n")
        assert "\nverdict   ✓ right" in part or "\nverdict   ✗ " in part
    assert len(set(parts)) > 1 and "\nthinking  " in out
    assert typed("sample", BASE, "use 3 7 1 to make 11", "-n", 6)[1] == out
    assert typed("sample", BASE, "use 3 7 1 to make 11", "-n", 6, "--seed", 1)[1] != out


def test_a_prompt_may_be_an_option(typed: Typed) -> None:
    prompt = "use 3 7 1 to make 11"
    assert typed("sample", BASE, "--prompt", prompt) == typed("sample", BASE, prompt)


def test_checkpoints_are_compared(typed: Typed, tmp_path: Path) -> None:
    """The same question with the same luck: a copy says what the original says."""
    for name in ("a", "a b"):
        shutil.copytree(BASE, tmp_path / name)
    prompt = "use 3 7 1 to make 11"
    wanted = typed("sample", "--compare", "a", "base", "--prompt", prompt)
    assert wanted[0] == 0 and wanted[2] == ""
    assert typed("sample", "--compare", "a", "base", prompt) == wanted
    assert typed("sample", "a", "base", prompt, "--compare") == wanted
    lines = [line.rstrip() for line in wanted[1].splitlines()]
    assert lines[0] == "prompt    use 3 7 1 to make 11 ."
    assert lines[2].split() == ["a", "base"] and lines[-1].count(" tokens") == 2
    code, out, _ = typed("sample", "--compare", "a", "a b", "-n", 2)
    assert code == 0 and out.count("verdict") == 2  # "a b" is a folder, so it is no prompt
    for line in out.splitlines()[2:]:
        cells = {cell.strip() for cell in line[10:].split("  ")} - {""}
        assert len(cells) < 2 or cells == {"a", "a b"}, line


def test_chat_answers_a_pipe(typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello .\nuse 3 7 1 to make 11\n"))
    code, out, err = typed("chat", BASE)
    assert (code, err) == (0, "") and out.startswith("prompt    hello .\n")
    assert "\n\nprompt    use 3 7 1 to make 11 .\n" in out


def test_sample_asks_a_question_of_its_own(typed: Typed) -> None:
    prompts = {typed("sample", BASE, "--seed", s)[1].splitlines()[0] for s in (0, 1, 2)}
    assert len(prompts) > 1


def test_a_prompt_of_other_words_is_answered_unjudged(typed: Typed) -> None:
    code, out, err = typed("sample", BASE, "hello")
    assert (code, err) == (0, "") and "✓" not in out and "✗" not in out


def test_a_completion_ends_where_the_model_cannot_read_on(typed: Typed) -> None:
    assert typed("sample", BASE, "hello " * 507)[0] == 0  # 510 with the frame: two to write


# the output


def piped(words: list[str], reader: str, code: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run a command with its output in a pipe that is read no further than that.

    The reader takes one line ("head -1"), none ("true") or all "to" one with some words.
    """
    with subprocess.Popen(
        command(*words, code=code),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        start = process.stdout.readline() if reader != "true" else b""
        while reader.startswith("to ") and reader[3:].encode() not in start:
            start = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        return subprocess.CompletedProcess(words, process.wait(), start, said)


@pytest.mark.parametrize("reader", ["head -1", "true"])
@pytest.mark.parametrize(
    ("words", "start"),
    [
        (["sample", str(BASE), "hello", "-n", "200"], b"prompt    hello\n"),
        (["--help"], b"Usage: minir1 [OPTIONS] [COMMAND] [ARGS]...\n"),
    ],
)
def test_who_reads_no_further_gets_no_traceback(
    words: list[str], start: bytes, reader: str
) -> None:
    done = piped(words, reader)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (start if reader == "head -1" else b"")


def test_what_nobody_reads_does_not_hide_a_mistake() -> None:
    """What is still in the buffer at the end has nowhere to go."""
    done = piped(["sampel"], "true", "print('said before')")
    assert done.returncode == 2
    assert done.stderr.startswith(b"minir1: ") and done.stderr.count(b"\n") == 1


def test_a_run_that_nobody_reads_says_how_to_go_on(tmp_path: Path) -> None:
    words = arguments("train", tmp_path / "run", "grpo.steps=200")
    done = piped(words, "to step=1 ")
    assert done.returncode == 2 and done.stdout.startswith(b"stage=r1-zero step=1 ")
    assert b"saved at r1-zero step " in done.stderr and b"Traceback" not in done.stderr
    assert done.stderr.rstrip().endswith(f"--out {tmp_path / 'run'} --resume".encode())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["sample", str(BASE), "hello"]])
def test_an_output_without_room_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(*words), env=environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "minir1: the output: No space left on device\n"


def test_closed_outputs_are_no_fault() -> None:
    """As with >&- 2>&-: Python then has no stdout or stderr at all."""
    gone = "sys.stdout = sys.stderr = None"
    assert minir1("sample", str(BASE), "hello", code=gone).returncode == 0
    assert minir1("sampel", code=gone).returncode == 2


def test_words_that_the_terminal_lacks_are_question_marks() -> None:
    done = minir1(
        "sample", str(BASE), "用 3 7 1 来 凑 11", PYTHONIOENCODING="ascii", PYTHONUTF8="0"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("prompt    ? 3 7 1 ? ? 11 ?\n")


def test_faults_of_the_program_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug must not look like a mistake of the user."""
    from minir1 import checkpoint_commands

    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(checkpoint_commands, "sample", fault)
    monkeypatch.setattr(sys, "argv", ["minir1", "sample", "base"])
    polite = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError):
        cli.main()
    signal.signal(signal.SIGTERM, polite)


def test_settings_of_the_small_run_are_all_passed_on() -> None:
    words = arguments("train", "run")
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == list(SETTINGS)
