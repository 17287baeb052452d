"""What did a run do, told on one page? report.html: one file, no network, readable anywhere.

Made from the run folder alone, so it can be made again later, and for a run that is still
going. The parts are in `minir1.reporting`; this file puts them into the template.
"""

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path

from minir1 import __version__
from minir1.reporting import opening
from minir1.reporting.answers import answers_side_by_side
from minir1.reporting.curves import training_curves
from minir1.reporting.difficulty import more_tries, thinking_by_difficulty
from minir1.reporting.gains import gains
from minir1.reporting.html import Markup, join, script_json, tag
from minir1.reporting.looks import pack, watched
from minir1.reporting.machine import time_machine
from minir1.reporting.method import method
from minir1.reporting.rundata import RunData, read_run
from minir1.reporting.table import stage_table
from minir1.storage.files import encode, replace_file

NAME = "report.html"
NAVIGATION = {
    "map": "The stages",
    "gains": "What it bought",
    "table": "The figures",
    "curves": "Training",
    "difficulty": "Difficulty",
    "tries": "More tries",
    "answers": "Answers",
    "machine": "Time machine",
    "method": "Method",
}
_PLACE = re.compile(r"\{\{(\w+)\}\}")


def write_report(folder: Path) -> Path:
    """Write RUN/report.html from what the run folder holds; return its path.

    Raises: UserError if there is no run or a file of it is damaged; WriteError if the disk
    says no, and an older report stays.
    """
    page = render(read_run(folder))
    path = folder / NAME
    replace_file(path, encode(page))
    return path


def render(run: RunData) -> str:
    """Write the page of a run."""
    parts = [
        opening.told(run),
        opening.the_map(run),
        gains(run),
        stage_table(run),
        training_curves(run),
        thinking_by_difficulty(run),
        more_tries(run),
        answers_side_by_side(run),
        time_machine(run),
        method(run),
    ]
    main = join(parts)
    script = _asset("script.js")
    return _filled(
        _asset("template.html"),
        title=tag("title", _title(run))[len("<title>") : -len("</title>")],
        style=_asset("style.css"),
        dark=_asset("dark.css"),
        script=script,
        script_hash=f"'sha256-{_hash(script)}'",
        header=join([_toggle(), opening.heading(run), opening.facts(run), opening.notice(run)]),
        navigation=_navigation(main),
        main=main,
        footer=tag(
            "p",
            f"Made by minir1 {__version__} from the files of the run, and from nothing else.",
        ),
        looks=script_json(pack(watched(run.samples))),
    )


def _title(run: RunData) -> str:
    return f"{run.name}: a run of minir1"


def _toggle() -> Markup:
    return tag(
        "button", "◐", type="button", id="theme", hidden=True, aria_label="light or dark"
    )


def _navigation(main: str) -> Markup:
    """List the sections that are there."""
    links = [
        tag("li", tag("a", words, href=f"#{name}"))
        for name, words in NAVIGATION.items()
        if f'id="{name}"' in main
    ]
    return tag("nav", tag("ul", links), aria_label="Sections")


def _asset(name: str) -> str:
    return files("minir1.reporting").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(script: str) -> str:
    """Name the one script that the page may run (Content-Security-Policy)."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _filled(template: str, **parts: str) -> str:
    """Put parts into their places at once, so that no part is searched for places."""
    return _PLACE.sub(lambda place: parts[place[1]], template)
