"""Does the dashboard keep its promises to the terminal, and leave nothing behind?"""

import io
import re
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest
from example_run import GOOD, HOSTILE, PROMPT, RUN, metrics, pipe, terminal
from rich.console import Console

from minir1.screen.panels import frame
from minir1.ui import Dashboard, Sample, View, dashboard_svg


def run_dashboard(console, steps=3, **options):
    with Dashboard("R1-Zero", 3, console=console, **options) as ui:
        ui.note("base pass@1 0.19")
        for row in RUN[:steps]:
            ui.step(row)
            ui.sample(PROMPT, GOOD, 1.1, True)
        ui.finish("done: pass@1 0.78")
    return console.file.getvalue()


def test_without_a_terminal_it_prints_a_line_a_step():
    lines = run_dashboard(pipe()).splitlines()
    assert lines[0] == "base pass@1 0.19" and lines[-1] == "done: pass@1 0.78"
    assert len(lines) == 5
    for line, row in zip(lines[1:-1], RUN, strict=False):
        pairs = dict(pair.split("=") for pair in line.split(" "))
        assert pairs.keys() < row.keys() and pairs["stage"] == "r1-zero"
        assert float(pairs["accuracy"]) == pytest.approx(row["accuracy"], rel=1e-3)
        assert pairs["step"] == str(row["step"])
        assert len(pairs) == 2 + 8 and len(line) < 200


def test_quiet_says_nothing_but_the_summary():
    for console in (terminal(), pipe()):
        assert run_dashboard(console, quiet=True) == "done: pass@1 0.78\n"


def test_a_summary_may_be_numbers():
    console = pipe()
    with Dashboard("R1-Zero", 3, console=console, quiet=True) as ui:
        ui.finish({"pass_at_1": 0.78, "seed": 0})
    assert console.file.getvalue() == "pass_at_1=0.78\nseed=0\n"


def test_on_a_terminal_the_screen_is_left_and_the_last_picture_stays():
    output = run_dashboard(terminal())
    assert output.index("\x1b[?1049h") < output.index("\x1b[?1049l")
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    after = output[output.index("\x1b[?1049l") :]
    for wanted in ("step 3/3", "base pass@1 0.19", "done: pass@1 0.78"):
        assert after.count(wanted) == 1
    assert "left" not in after and "Ctrl-C" not in after and "Ctrl-C" in output


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_terminal_is_restored_when_something_breaks(error):
    console, streams = terminal(), (sys.stdout, sys.stderr)
    with pytest.raises(error), Dashboard("R1-Zero", 3, console=console) as ui:
        ui.step(RUN[0])
        raise error
    output = console.file.getvalue()
    assert output.rindex("\x1b[?1049l") > output.rindex("\x1b[?1049h")
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    assert (sys.stdout, sys.stderr) == streams
    assert "step 1/3" in output[output.rindex("\x1b[?1049l") :]


def test_what_others_print_is_kept_for_afterwards():
    console = terminal()
    with Dashboard("R1-Zero", 3, console=console) as ui:
        print("hello from a library")
        print("UserWarning: careful", file=sys.stderr)
        print("no line end", end="")
        ui.finish("done")
    after = console.file.getvalue().split("\x1b[?1049l")[1]
    assert "hello from a library" in after and "UserWarning: careful" in after
    assert "no line end" in after


def test_no_color_leaves_no_styles_on_the_screen(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*m", run_dashboard(terminal()))


def test_it_draws_at_most_eight_times_a_second(monkeypatch):
    drawings = []
    monkeypatch.setattr("minir1.ui.frame", lambda *a: drawings.append(1) or frame(*a))
    started = time.monotonic()
    with Dashboard("R1-Zero", 60, console=terminal()) as ui:
        for step in range(60):
            ui.step(metrics(step))
            time.sleep(0.01)
    seconds = time.monotonic() - started
    assert 3 <= len(drawings) <= 2 + 8 * seconds  # two: the first and the last


def test_forced_colours_do_not_make_a_pipe_a_screen():
    output = run_dashboard(pipe(_environ={"FORCE_COLOR": "1", "TERM": "xterm"}))
    assert "\x1b" not in output and len(output.splitlines()) == 5


def test_a_resumed_run_goes_on_where_it_was():
    console = terminal()
    with Dashboard("R1-Zero", 20, console=console, history=RUN[:10]) as ui:
        ui.step(RUN[10])
    after = console.file.getvalue().split("\x1b[?1049l")[1]
    assert "step 11/20   0:25" in re.sub("\x1b[^m]*m", "", after)


def test_a_very_long_run_is_thinned_but_keeps_its_ends(monkeypatch):
    monkeypatch.setattr("minir1.ui.LONGEST_HISTORY", 10)
    console = terminal()
    with Dashboard("R1-Zero", 20, console=console) as ui:
        for row in RUN:
            ui.step(row)
    after = re.sub("\x1b[^m]*m", "", console.file.getvalue().split("\x1b[?1049l")[1])
    assert "step 20/20" in after and "0.190 → 0.760" in after
    assert "● validation" in after and after.count("●") > 2


def test_svg_needs_nothing_from_outside(tmp_path):
    path = tmp_path / "dashboard.svg"
    sample = Sample(PROMPT, f"{GOOD} <script>alert(1)</script> {HOSTILE}", 1.1, True)
    view = View("R1-Zero & <seed> 0", len(RUN), len(RUN), RUN, sample=sample)
    dashboard_svg(view, path)
    picture = path.read_text(encoding="utf-8")
    for element in ElementTree.fromstring(picture).iter():
        assert not any("//" in value for value in element.attrib.values())
        assert element.tag.endswith("}text") or "//" not in (element.text or "")
    for forbidden in ("@import", "@font-face", "<script", "<image", "href", "data:"):
        assert forbidden not in picture
    assert re.findall(r"url\((?!#)", picture) == []
    for wanted in (">0.190<", ">0.760<", ">validation<", ">try<", ">right<", ">20/20<"):
        assert wanted in picture


def test_svg_is_the_same_every_time(tmp_path):
    for name in ("a", "b"):
        sample = Sample(PROMPT, GOOD, 1.1, True)
        dashboard_svg(View("R1-Zero", len(RUN), len(RUN), RUN, sample=sample), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_console_that_was_not_made_here_serves_too():
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    console.print("before")
    assert "done: pass@1 0.78" in run_dashboard(console)


# many stages

STAGES = ("r1-zero", "dev1", "reward-model", "r1")
FIGURES = {"pass_at_1": {"value": 0.871, "low": 0.86, "high": 0.88}, "general": 0.21}


def recipe(console, **options):
    """Two stages of four, the first gone on with after two steps."""
    with Dashboard("R1", console=console, stages=STAGES, **options) as ui:
        ui.measured("base", {"pass_at_1": 0.169})
        ui.stage("r1-zero", 3, RUN[:2])
        ui.step(RUN[2])
        ui.measured("r1-zero", FIGURES)
        ui.stage("dev1", 2)
        ui.step({"stage": "dev1", "step": 1, "seconds": 0.9, "loss": 2.5, "grad_norm": None})
        ui.finish("done")
    return console.file.getvalue()


def test_a_recipe_in_plain_lines():
    assert recipe(pipe()).splitlines() == [
        "base measured: pass@1 16.9 %",
        "r1-zero goes on after step 2: 3 steps",
        "stage=r1-zero step=3 seconds=7.5 accuracy=0.25 reward=0.29 completion_tokens=43 "
        "reflections=3.5 language_consistency=0.91 format_rate=0.67 entropy=0.294",
        "r1-zero measured: pass@1 87.1 %, good general answers 21.0 %",
        "dev1 begins: 2 steps",
        "stage=dev1 step=1 seconds=0.9 loss=2.5",
        "done",
    ]
    assert recipe(pipe(), quiet=True) == "done\n"


def test_a_stage_starts_the_screen_anew():
    """What was measured stays; curves, progress and clock are those of the new stage."""
    after = re.sub("\x1b[^m]*m", "", recipe(terminal()).split("\x1b[?1049l")[1])
    wanted = "base 17 % → r1-zero 87 % (general 21 %) ✓ → dev1 ● 1/2 → reward-model ○ → r1 ○"
    assert wanted in after.replace("\n →", " →")
    assert "step 1/2   0:00" in after and "loss  2.50 → 2.50" in after
    assert "accuracy" not in after and "0.290" not in after
    assert after.count("r1-zero measured: pass@1 87.1 %") == 1


def test_a_stage_whose_end_nobody_knows_has_no_bar():
    for console, wanted in ((pipe(), "r1 begins\n"), (terminal(), " r1  step 3   0:00\n")):
        with Dashboard("R1", console=console, stages=STAGES) as ui:
            ui.stage("r1", 0)
            for row in RUN[:3]:
                ui.step(row)
        output = re.sub("\x1b[^m]*m", "", console.file.getvalue())
        assert wanted in re.sub(" +\n", "\n", output.split("\x1b[?1049l")[-1])
        assert "▱" not in output and "left" not in output


def test_the_sample_of_an_earlier_stage_is_gone():
    console = terminal()
    with Dashboard("R1", console=console, stages=STAGES) as ui:
        ui.stage("r1-zero", 1)
        ui.sample(PROMPT, GOOD, 1.1, True)
        ui.stage("dev1", 2)
        ui.step(RUN[0])
    assert "✓ right" not in console.file.getvalue().split("\x1b[?1049l")[1]


def test_a_fault_while_the_screen_comes_up_is_not_swallowed(monkeypatch):
    streams = sys.stdout, sys.stderr
    monkeypatch.setattr("minir1.ui.frame", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), Dashboard("R1-Zero", 3, console=terminal()):
        pass
    assert (sys.stdout, sys.stderr) == streams
