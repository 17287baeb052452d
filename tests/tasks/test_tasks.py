"""Is a task found by its name, and is a mistyped one answered?"""

import pytest

from minir1.errors import UserError
from minir1.tasks import open_task


@pytest.mark.parametrize("name", ["arithmetic", "arithmetic:sums", "countdown", "countdown:4"])
def test_a_task_knows_its_name(name: str) -> None:
    assert open_task(name).name == name
    assert open_task(name).dropped == 0


@pytest.mark.parametrize(
    "name, said",
    [
        ("aritmetic", r"no such task; did you mean arithmetic\? There are arithmetic"),
        ("Countdown", r"did you mean countdown\?"),
        ("zzz", r"zzz: no such task. There are arithmetic, countdown, FILE.jsonl, rg:NAME"),
        ("", r"no such task"),
        ("math.json", r"FILE.jsonl"),
        ("arithmetic:sum", r"did you mean sums\?"),
        ("countdown:9", r"no such size. There are countdown, countdown:3"),
        ("rg:chain_sun", r"did you mean chain_sum\?"),
        ("rg:", r"no dataset of reasoning-gym"),
        ("gsm8k:", r"could not be read"),
    ],
)  # fmt: skip
def test_a_mistyped_name_is_answered_in_a_line(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        open_task(name)
    assert "\n" not in str(caught.value)
