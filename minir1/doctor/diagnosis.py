"""What is wrong with a run? Every rule is asked about every stage of reinforcement learning."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from minir1.doctor import curves, rules
from minir1.doctor.course import Course
from minir1.doctor.patient import Patient, read_patient
from minir1.doctor.symptom import Rule, Symptom


@dataclass(frozen=True)
class Seen:
    """A stage that was looked at: how long it was, and what its accuracy did."""

    steps: int
    accuracy: tuple[float, float] | None  # in the first and in the last fifth of the steps


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the likeliest cause first; what may follow from it; what is unknown."""

    run: str
    findings: list[Symptom]
    follows: list[Symptom]
    stages: dict[str, Seen]
    notes: list[str]

    @property
    def healthy(self) -> bool:
        """Say whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values that JSON can hold."""
        return {"schema": 1, "healthy": self.healthy, **asdict(self)}


def examine(run: Path) -> Diagnosis:
    """Examine a run folder, whatever state it is in.

    Raises: UserError if there is no run in it.
    """
    return diagnose(read_patient(run))


def diagnose(patient: Patient) -> Diagnosis:
    """Ask every rule about every stage."""
    findings: list[Symptom] = []
    follows: list[Symptom] = []
    notes = list(patient.notes)
    for course in patient.courses:
        causes = _found(rules.CAUSES, course)
        shapes = _found(rules.SHAPES, course)
        findings += causes or shapes
        follows += shapes if causes else []
    notes += _unseen(patient.courses)
    if not patient.courses:
        notes.append("no step of reinforcement learning yet: there is nothing to look at")
    stages = {course.stage: _summary(course) for course in patient.courses}
    return Diagnosis(patient.name, findings, follows, stages, notes)


def _summary(course: Course) -> Seen:
    right = course.curve("accuracy")
    if len(right) < 2:
        return Seen(len(course.rows), None)
    first, last, _ = curves.ends(right)
    return Seen(len(course.rows), (first, last))


def _found(asked: Sequence[Rule], course: Course) -> list[Symptom]:
    """Return what some rules find, in their order."""
    said = [rule.look(course) for rule in asked if not rule.missing(course)]
    return [replace(symptom, stage=course.stage) for symptom in said if symptom is not None]


def _unseen(courses: Sequence[Course]) -> list[str]:
    """Say what could not be looked at: what was not recorded, and curves that are too short."""
    blind: dict[tuple[str, str], list[str]] = {}
    for course in courses:
        missing = {rule.fault: rule.missing(course) for rule in rules.ALL}
        names = ", ".join(sorted({name for needed in missing.values() for name in needed}))
        faults = ", ".join(fault for fault, needed in missing.items() if needed)
        if names:
            blind.setdefault((names, faults), []).append(course.stage)
    notes = [
        f"{', '.join(stages)}: not recorded, {names}; so nothing can be said about {faults}"
        for (names, faults), stages in blind.items()
    ]
    short = [course for course in courses if not curves.long_enough(course)]
    return notes + [
        f"{course.stage}: {len(course.rows)} steps so far; curves speak from "
        f"{curves.ENOUGH_STEPS} on, sums and equations were looked at"
        for course in short
    ]
