"""Are the updates too large? A number that is no number any more."""

import math

from minir1.doctor.course import Course
from minir1.doctor.symptom import Symptom
from minir1.errors import shorten
from minir1.screen.terminal import clean


def not_finite(course: Course) -> Symptom | None:
    """A number of the log is NaN or infinite."""
    for row in course.rows:
        for name, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                return _broken(name, value, float(row["step"]))
    return None


def _broken(name: str, value: float, step: float) -> Symptom:
    return Symptom(
        "not-finite",
        "The run has broken down: a number is no longer finite.",
        f"{clean(shorten(name))} is {value} at step {step:g}",
        "Go back to the last checkpoint before that step and lower the learning rate: "
        "--set grpo.learning_rate=1e-4; check that masked log-probabilities are not -inf * 0",
        "everywhere",
    )
