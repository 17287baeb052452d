"""Does the page work in a real browser? Skipped where none is installed."""

import html
import json
import re
import shutil
import subprocess

import pytest
import synthetic_run as synthetic

from minir1.report import write_report

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")

WIDTHS = (360, 700, 1600)

# A page around the page, as narrow as is wanted: the browser's own window has a least width.
FRAME = """<!doctype html><pre id="said"></pre>
<script>
const heard = {};
addEventListener("message", (e) => {
  heard[e.data.width] = e.data;
  document.getElementById("said").textContent = JSON.stringify(heard);
});
</script>"""
INNER = '<iframe src="page.html" style="width:%dpx;height:800px;border:0"></iframe>'

# What the page is asked in a frame of 1200 pixels; the others say only how wide they are.
DRIVER = r"""
<script>
const errors = [];
addEventListener("error", (e) => errors.push(e.message));
addEventListener("securitypolicyviolation", (e) => errors.push(e.violatedDirective));
addEventListener("load", () => {
  const $ = (s) => document.querySelector(s), $$ = (s) => [...document.querySelectorAll(s)];
  const said = {errors, width: innerWidth, wide: document.documentElement.scrollWidth};
  const work = {
    drawing() { return $("#machine-view .group").innerHTML; },
    machine() {
      const now = () => $(".said-now").firstChild.textContent, found = {start: now()};
      const button = (name) => $(`#machine-controls [aria-label="${name}"]`);
      found.first = button("look before").disabled;
      button("next look").click();
      found.next = now();
      const slider = $("#machine-controls input");
      slider.value = slider.max;
      slider.dispatchEvent(new Event("input"));
      found.last = now();
      found.end = button("next look").disabled;
      found.label = slider.getAttribute("aria-valuetext");
      found.group = $$("#machine-view .completion").length;
      const stage = $("#machine-controls select");
      found.stages = [...stage.options].map((o) => o.textContent);
      stage.value = "1";
      stage.dispatchEvent(new Event("change"));
      found.other = now();
      return found;
    },
    word() {
      const group = $$("#machine-view .words").find((p) => p.querySelector(".up, .down"));
      const press = (key) =>
        group.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
      const found = {hidden: $("#tip").hidden, focusable: group.tabIndex};
      press("ArrowRight"); press("ArrowRight");
      found.pointed = $(".pointed").textContent;
      found.second = group.children[1].textContent;
      found.tip = $("#tip").textContent;
      press("Escape");
      found.gone = $("#tip").hidden;
      return found;
    },
    questions() {
      const open = () => $$("article").filter((a) => !a.hidden).map((a) => a.id);
      const found = {start: open()};
      $('[data-go="1"]').click();
      found.next = open();
      $(".unfold").click();
      found.unfolded = $$("#questions details").every((d) => d.open);
      return found;
    },
    colours() {
      const colour = () => getComputedStyle(document.documentElement).backgroundColor;
      const found = [colour()];
      for (let i = 0; i < 2; i++) { $("#theme").click(); found.push(colour()); }
      return found;
    },
    readout() {
      const chart = $("#tries .chart"), box = chart.getBoundingClientRect();
      const [left, right] = chart.dataset.plot.split(" ").map(Number);
      const x = box.left + (left + right) / 2 / chart.viewBox.baseVal.width * box.width;
      const at = {clientX: x, clientY: box.top + 9};
      chart.dispatchEvent(new PointerEvent("pointermove", at));
      const found = {text: $(".readout").innerText};
      chart.dispatchEvent(new PointerEvent("pointerleave"));
      found.left = $$(".readout, .cursor").length;
      return found;
    },
  };
  try {
    if (innerWidth === 1200) for (const name in work) said[name] = work[name]();
  } catch (e) { errors.push(String(e)); }
  parent.postMessage(said, "*");
});
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "all-seed0"
    return write_report(synthetic.write_run(folder)).read_text(encoding="utf-8")


def dump(path):
    """What a page has become after its scripts ran."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000"]
    options += [f"--user-data-dir={path.parent / 'profile'}", "--dump-dom"]
    done = subprocess.run([BROWSER, *options, path.as_uri()], capture_output=True, timeout=120)
    return done.stdout.decode("utf-8")


@pytest.fixture(scope="module")
def heard(page, tmp_path_factory):
    """What the page says of itself, by the width of its frame."""
    folder = tmp_path_factory.mktemp("frames")
    page = re.sub(r"script-src '[^']+'", "script-src 'unsafe-inline'", page)
    head, script, foot = page.rpartition("<script>")
    (folder / "page.html").write_text(head + DRIVER + script + foot, encoding="utf-8")
    frames = "".join(INNER % width for width in (1200, *WIDTHS))
    (folder / "frame.html").write_text(FRAME + frames, encoding="utf-8")
    found = re.search('<pre id="said">(.*?)</pre>', dump(folder / "frame.html"), re.DOTALL)
    return {int(width): said for width, said in json.loads(html.unescape(found[1])).items()}


@pytest.fixture
def said(heard):
    assert heard[1200]["errors"] == []
    return heard[1200]


def test_its_own_script_may_run_and_takes_over(page, tmp_path):
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    shown = dump(tmp_path / "page.html")
    assert '<div class="controls" id="machine-controls">' in shown
    assert '<div class="controls" id="machine-controls">' not in page


@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_makes_the_page_scroll_sideways(heard, width):
    assert heard[width]["wide"] <= width and heard[width]["errors"] == []


def test_the_script_draws_what_the_page_says_without_it(page, said):
    static = page.partition('id="machine-view"')[2].partition('class="group"')[2]
    drawn = pushes(said["drawing"])
    written = pushes(static)[: len(drawn)]
    assert [word for word, _ in drawn] == [word for word, _ in written]
    for (_, ours), (_, theirs) in zip(drawn, written, strict=True):
        assert abs(ours - theirs) <= 5  # below 4 % of the full colour a word stays plain
    assert {ours > 0 for _, ours in drawn} == {True, False}


def pushes(markup):
    """The words of completions, each with its colour in per cent, down below zero."""
    found = []
    for attributes, word in re.findall(r"<span(?: ([^>]*))?>([^<]*)</span>", markup):
        strength = re.search(r"--push: ?(\d+)%", attributes)
        sign = -1 if "down" in attributes else 1
        if "sign" not in attributes and "reward" not in word and "advantage" not in word:
            found.append((word, sign * int(strength[1]) if strength else 0))
    return found


def test_the_time_machine_moves_through_the_steps(said):
    found = said["machine"]
    assert found["start"].startswith("step 0: ") and found["next"].startswith("step 5: ")
    assert found["last"].startswith("step 40: ") and found["label"] == "step 40"
    assert found["first"] and found["end"] and found["group"] == 8
    assert found["stages"] == ["R1-Zero", "Dev2", "R1", "small RL", "distilled + RL"]
    assert found["other"].startswith("step 0: ")


def test_a_word_tells_its_probability_to_the_keyboard(said):
    found = said["word"]
    assert found["hidden"] and found["gone"] and found["focusable"] == 0
    assert found["pointed"] == found["second"]
    assert re.search(r"probability [\d.]+\s%advantage [+−][\d.]+push", found["tip"])


def test_questions_are_chosen_and_thinking_unfolds(said):
    found = said["questions"]
    assert len(found["start"]) == len(found["next"]) == 1 and found["start"] != found["next"]
    assert found["unfolded"]


def test_light_and_dark_can_be_chosen(said):
    first, second, third = said["colours"]
    assert first != second and first == third


def test_a_chart_reads_out_what_is_under_the_pointer(said):
    lines = said["readout"]["text"].replace("\u202f", " ").splitlines()
    base = 100 * synthetic.figures("base")["pass_at_k"]["4"]
    assert lines[0] == "tries k 4" and lines[1] == f"base {base:.1f} %"
    assert said["readout"]["left"] == 0
