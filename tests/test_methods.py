"""Does choosing a method choose its paper's settings, and is nothing that is set ignored?"""

import pytest

from minir1.config import GRPOConfig, RunConfig, override, tiny
from minir1.errors import UserError
from minir1.methods import METHODS
from minir1.real_config import real


def message(*assignments: str) -> str:
    with pytest.raises(UserError) as error:
        override(tiny(), assignments)
    return str(error.value)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_brings_its_own_settings(method: str) -> None:
    for base in (tiny(), real("m", "arithmetic")):
        settings = override(base, [f"grpo.objective={method}"]).grpo
        assert settings.objective == method
        for name, value in METHODS[method].brings.items():
            assert getattr(settings, name) == value, name
        others = set(settings.to_dict()) - set(METHODS[method].brings) - {"objective"}
        assert all(getattr(settings, name) == getattr(base.grpo, name) for name in others)


def test_the_papers_values() -> None:
    gspo = override(tiny(), ["grpo.objective=gspo"]).grpo
    assert (gspo.clip_low, gspo.clip_high, gspo.average) == (3e-4, 4e-4, "sequence")
    dapo = override(tiny(), ["grpo.objective=dapo"]).grpo
    assert (dapo.clip_low, dapo.clip_high, dapo.average, dapo.overlong) == (
        0.2,
        0.28,
        "token",
        0.2,
    )
    doctor = override(tiny(), ["grpo.objective=dr-grpo"]).grpo
    assert (doctor.scale, doctor.average) == ("none", "constant")


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_set_besides_wins_in_any_order(turned: bool) -> None:
    """Also where it is the usual value, which the method would have replaced."""
    given = ["grpo.objective=gspo", "grpo.clip_low=0.2", "grpo.average=token"]
    settings = override(tiny(), given[::-1] if turned else given).grpo
    assert (settings.clip_low, settings.clip_high, settings.average) == (0.2, 4e-4, "token")


def test_another_method_takes_nothing_over_from_the_first() -> None:
    gspo = override(tiny(), ["grpo.objective=gspo", "grpo.learning_rate=1e-4"])
    back = override(gspo, ["grpo.objective=grpo"])
    assert back == override(tiny(), ["grpo.learning_rate=1e-4"])
    same = override(override(tiny(), ["grpo.clip_low=0.1"]), ["grpo.objective=grpo"])
    assert same.grpo.clip_low == 0.1  # nothing was changed, so nothing is brought


@pytest.mark.parametrize("method", ["rloo", "reinforce"])
@pytest.mark.parametrize("value", [0.2, 0.3])
def test_a_clip_that_no_function_reads_is_refused(method: str, value: float) -> None:
    """Even the usual value, when somebody asks for it."""
    said = message(f"grpo.objective={method}", f"grpo.clip_low={value}")
    assert "grpo.clip_low" in said and ("no use" in said or "without effect" in said)
    with pytest.raises(UserError, match="has no use for it"):
        GRPOConfig(objective=method, scale="none", clip_high=0.3)


@pytest.mark.parametrize(
    ("method", "scale", "own"),
    [("rloo", "std", "none"), ("reinforce", "batch", "none"), ("reinforce++", "std", "batch")],
)
def test_a_setting_that_is_the_method_cannot_be_changed(
    method: str, scale: str, own: str
) -> None:
    said = message(f"grpo.objective={method}", f"grpo.scale={scale}")
    assert said == f"grpo.scale={scale}: wanted {own}, as grpo.objective={method} has it"
    assert override(tiny(), [f"grpo.objective={method}", f"grpo.scale={own}"]).grpo.scale == own


def test_the_critic_compares_sums_alone() -> None:
    assert "grpo.combine" in message("grpo.objective=ppo", "grpo.combine=normalise")


def test_an_unknown_method_is_told_of_the_known_ones() -> None:
    said = message("grpo.objective=gsop")
    assert said.endswith("did you mean gspo?") and "reinforce++" in said


@pytest.mark.parametrize("method", METHODS)
def test_settings_survive_the_run_folder(method: str) -> None:
    made = override(tiny(), [f"grpo.objective={method}"])
    assert RunConfig.from_dict(made.to_dict()) == made
