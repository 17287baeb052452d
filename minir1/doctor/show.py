"""How is a diagnosis told? Shortly, kindly, and with the numbers."""

from rich.console import Console
from rich.text import Text

from minir1.doctor.diagnosis import Diagnosis, Seen
from minir1.doctor.symptom import Symptom
from minir1.screen.terminal import clean

STAGE = 14  # cells of the column with the names of stages
LABEL = 8  # cells of the column with the names of the parts
NARROWEST = 30
WIDEST = 100  # cells of a line that is still read with ease


def show(console: Console, diagnosis: Diagnosis) -> None:
    """Print what was looked at, what was found, what may follow, and what is unknown."""
    console.print(Text(diagnosis.run, "title"), soft_wrap=True)
    for stage, seen in diagnosis.stages.items():
        console.print(Text(f"  {stage:<{STAGE}} {_course(seen)}", "baseline"), soft_wrap=True)
    if diagnosis.healthy and diagnosis.stages:
        console.print()
        console.print(Text("✓ nothing is wrong that can be seen", "passed"), soft_wrap=True)
    for symptom in diagnosis.findings:
        console.print()
        _say(console, symptom)
    if diagnosis.follows:
        console.print()
        names = ", ".join(dict.fromkeys(f"{s.fault} in {s.stage}" for s in diagnosis.follows))
        _part(console, "then", f"also seen, and perhaps no more than its consequence: {names}")
    if diagnosis.notes:
        console.print()
    for note in diagnosis.notes:
        _part(console, "note", note)


def _course(seen: Seen) -> str:
    steps = f"{seen.steps} step{'s' * (seen.steps != 1)}"
    if seen.accuracy is None:
        return steps
    first, last = seen.accuracy
    return f"{steps}, accuracy {first:.2f} → {last:.2f}"


def _say(console: Console, symptom: Symptom) -> None:
    head = Text(f"✗ {symptom.fault}", "negative").append(
        f" · in {symptom.stage} · {symptom.sure}", "baseline"
    )
    console.print(head, soft_wrap=True)
    _part(console, "", symptom.says, "title")
    _part(console, "seen", symptom.evidence)
    _part(console, "mend", symptom.mend)
    _part(console, "known", symptom.source)


def _part(console: Console, label: str, said: str, style: str = "none") -> None:
    """Print a wrapped paragraph beside its label."""
    width = min(max(console.width - LABEL - 2, NARROWEST), WIDEST)
    for line in Text(clean(said), style).wrap(console, width):
        line.rstrip()
        start = Text(f"  {label:<{LABEL}}", "baseline")
        console.print(start.append_text(line), soft_wrap=True)
        label = ""
