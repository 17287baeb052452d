"""Is the page of a run whole, true, harmless and small, however far the run came?"""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
import synthetic_run as synthetic

from minir1.errors import UserError
from minir1.report import write_report
from minir1.reporting import cast
from minir1.storage.files import WriteError

HOSTILE = (
    "<think> </script><script>alert(1)</script> <img src=x onerror=alert(2)> \x00\x1b[2J\x07 "
    "\u2028\u2029 \u202e \ud800 & \" ' `${x}` {{main}} --> ]]> </think> "
    "<answer> 1 </answer> <eos>"
)
VOID = {"meta", "input", "br", "col", "img", "link", "base", "path", "line"}


class Page(HTMLParser):
    """What is on a page: its elements, ids, texts; open elements must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.ids, self.texts = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID - {"path", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-5:])
        self.open.pop()

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def named(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def said(self):
        """The words that a reader sees, scripts left out."""
        seen = (text for place, text in self.texts if place not in ("script", "style"))
        return " ".join(" ".join(seen).replace("\u202f", " ").split())


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return synthetic.write_run(tmp_path_factory.mktemp("runs") / "all-seed0")


@pytest.fixture(scope="module")
def text(full):
    return write_report(full).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_a_full_run_has_every_section(page):
    sections = [attrs["id"] for attrs in page.named("section")]
    wanted = ["map", "gains", "table", "curves", "difficulty", "tries", "answers", "machine"]
    assert sections == [*wanted, "method"]
    linked = [attrs["href"] for attrs in page.named("a")]
    assert all(f"#{name}" in linked for name in sections)


def test_it_is_well_formed(page):
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for attrs in page.named("a"):
        assert attrs["href"][1:] in page.ids
    for attrs in page.named("section"):
        assert attrs["aria-labelledby"] in page.ids


def test_every_checkpoint_is_named_with_its_figure(page):
    for name in synthetic.CHECKPOINTS:
        right = synthetic.figures(name)["pass_at_1"]["value"]
        assert cast.title(name) in page.said
        assert f"{100 * right:.1f} %" in page.said


def test_it_needs_nothing_from_elsewhere(text, page):
    for _, attrs in page.elements:
        assert not {"src", "srcset", "data", "action", "onclick", "onerror"} & set(attrs)
    assert not page.named("link") and not page.named("img") and not page.named("base")
    assert "url(http" not in text and "@import" not in text and "fetch(" not in text
    assert all(a["href"].startswith("#") for a in page.named("a"))


def test_it_runs_its_own_script_and_no_other(text, page):
    (policy,) = (
        a["content"]
        for a in page.named("meta")
        if a.get("http-equiv", "").startswith("Content")
    )
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy


def test_it_is_small(text):
    assert len(text.encode()) < 1_500_000


def test_charts_and_boxes_speak_to_who_cannot_see(page):
    drawings = [a for a in page.named("svg")]
    assert len(drawings) > 30
    assert all(a["role"] == "img" and len(a["aria-label"]) > 15 for a in drawings)
    boxes = [a for a in page.named("div") if a.get("class") == "scroll" and "tabindex" in a]
    assert boxes and all(a["aria-label"] for a in boxes)
    assert all(a.get("aria-label") for a in page.named("select"))


def test_no_place_of_the_template_is_left(text):
    script = text.rpartition("<script>")[2]
    assert not re.search(r"\{\{\w+\}\}", text.replace(script, ""))


def test_it_can_be_made_again_and_is_the_same(full, text):
    assert write_report(full).read_text(encoding="utf-8") == text
    assert not list(full.glob(".report*"))


@pytest.mark.parametrize("recipe", ["r1-zero", "all", "pretrain"])
def test_a_run_that_has_only_begun(tmp_path, recipe):
    folder = synthetic.write_run(tmp_path / "run", recipe, names=(), stages=())
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "not finished" in page.said and "nothing was measured yet" in page.said
    assert page.open == []


def test_a_run_that_is_still_going(tmp_path):
    folder = synthetic.write_run(
        tmp_path / "run", names=("base", "r1-zero"), stages=("r1-zero", "dev1")
    )
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"stage": "dev1", "st')
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert (
        "not finished. Its last line is Dev1, step 25. Not measured yet: Dev1, Dev2"
        in page.said
    )
    assert page.said.count("not yet") >= 8
    assert "curves" in page.ids and "so far" in page.said


def test_a_run_of_r1_zero_alone_says_nothing_of_other_stages(tmp_path):
    folder = synthetic.write_run(
        tmp_path / "run", "r1-zero", names=("base", "r1-zero"), stages=("r1-zero",)
    )
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "Dev1" not in page.said and "distilled" not in page.said
    assert "not finished" not in page.said


def test_older_samples_are_shown_without_colour(tmp_path):
    folder = synthetic.write_run(
        tmp_path / "run", "r1-zero", names=("base", "r1-zero"), stages=("r1-zero",)
    )
    lines = synthetic.read_lines(folder / "samples.jsonl")
    kept = ("stage", "step", "prompt", "completion", "tokens", "right")
    lines = [{name: line[name] for name in kept} for line in lines[::8]]
    synthetic.write_lines(folder / "samples.jsonl", lines)
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "they are not coloured" in page.said
    assert not [a for a in page.named("span") if a.get("class") in ("up", "down")]


@pytest.mark.parametrize(
    "name", ["results.json", "answers.json", "samples.jsonl", "metrics.jsonl"]
)
def test_a_missing_file_is_no_obstacle(tmp_path, name):
    folder = synthetic.write_run(tmp_path / "run", names=("base",), stages=("r1-zero",))
    (folder / name).unlink()
    assert Page(write_report(folder).read_text(encoding="utf-8")).open == []


def test_no_run_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match=r"config\.json is missing"):
        write_report(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="not a run's"):
        write_report(tmp_path)


def test_a_disk_that_says_no_leaves_the_old_page(full, text, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("minir1.storage.files.write_flushed", refuse)
    with pytest.raises(WriteError, match=r"report\.html could not be written: No space"):
        write_report(full)
    assert (full / "report.html").read_text(encoding="utf-8") == text


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A run whose models, names and logs are as bad as can be."""
    folder = tmp_path_factory.mktemp("runs") / '<b>"run"&'
    synthetic.write_run(folder, names=("base", "r1-zero"), stages=("r1-zero",))
    samples = synthetic.read_lines(folder / "samples.jsonl")
    for i, line in enumerate(samples):
        line["completion"] = HOSTILE if i % 3 else "x" * 100_000 + " y" * 50_000 + HOSTILE
        line["prompt"] = f"<bos> User: {HOSTILE} Assistant:"
    samples.append({"stage": "</script>", "step": 0, "prompt": 3, "completion": HOSTILE})
    samples.append({"stage": "x", "step": "0", "prompt": [], "completion": ["no text"]})
    synthetic.write_lines(folder / "samples.jsonl", samples)
    answers = synthetic.read_lines(folder / "answers.json")[0]
    for question in answers["questions"]:
        question |= {"prompt": f"<bos> User: {HOSTILE} Assistant:", "kind": HOSTILE}
    answers["answers"][HOSTILE] = [{"completion": HOSTILE * 1000, "right": "<b>"}] * 3
    answers["answers"]["base"][0] = {"completion": None, "right": None}
    answers["answers"]["base"][1] = "no object"
    synthetic.write_lines(folder / "answers.json", [answers])
    lines = [
        {"stage": "<i>", "step": 1, "reward": "<b>"},
        {"stage": None, "step": 2, "loss": 1.0},
    ]
    synthetic.write_lines(folder / "metrics.jsonl", lines)
    results = synthetic.read_lines(folder / "results.json")[0]
    results["checkpoints"]["<u>"] = {"pass_at_1": {"value": 0.5}, "pass_at_k": {"x": 1, "1": 2}}
    results["seconds"]["<s>"] = 3
    synthetic.write_lines(folder / "results.json", [results])
    return write_report(folder).read_text(encoding="utf-8")


def test_no_text_of_a_model_becomes_markup(hostile):
    page = Page(hostile)
    assert page.open == []
    assert len(page.named("script")) == 2 and not page.named("img")
    for tag in ("b", "i", "u", "s"):
        assert all(set(attrs) <= {"class", "style", "aria-hidden"} for attrs in page.named(tag))
    assert "<img src=x onerror=alert(2)>" in page.said
    assert hostile.count("</script>") == 2


def test_what_a_browser_would_obey_is_taken_out(hostile):
    for character in "\x00\x07\x1b\u2028\u2029\u202e\ud800":
        assert character not in hostile
    looks = hostile.partition('id="looks">')[2].partition("</script>")[0]
    assert "<" not in looks and "\\u003c" in looks
    json.loads(looks)


def test_long_completions_are_cut(hostile):
    assert len(hostile.encode()) < 1_500_000
    assert "x" * 5000 not in hostile
    assert "characters left out" in hostile and " more)" in hostile
