"""Is every stage of reinforcement learning explained as it was trained, and no other stage?"""

from pathlib import Path

import pytest
from full_run import told
from test_explain import explained, row_of

from minir1 import pipeline, rl_settings
from minir1.errors import UserError
from minir1.explain_source import BEYOND, FRESH, find_moment
from minir1.storage.state import read_state, write_state


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return told(tmp_path_factory) / "run"


def test_the_stages_are_those_of_the_pipeline() -> None:
    assert set(rl_settings.SETTINGS) == set(rl_settings.STARTS)
    learnt_from_text = {"dev1", "dev3", "distilled"}
    assert set(pipeline.MAKERS) == set(rl_settings.SETTINGS) | learnt_from_text


@pytest.mark.parametrize(("stage", "start"), sorted(rl_settings.STARTS.items()))
def test_the_first_step_of_every_stage_is_the_one_that_was_trained(
    run: Path, stage: str, start: str
) -> None:
    """Rewards, temperature, language share, learning rate, student: all are the stage's."""
    seen = explained(run / start)
    assert (seen.stage, seen.step) == (stage, 1)
    assert seen.metrics.items() <= row_of(run, stage, 1).items()


@pytest.mark.parametrize("stage", sorted(rl_settings.STARTS))
def test_the_last_checkpoint_of_every_stage_is_told_one_step_more(
    run: Path, stage: str
) -> None:
    moment = find_moment(str(run / stage), None)
    assert moment.world.stage == stage and moment.learner.step > 0
    assert BEYOND.format(moment.learner.step) in moment.notes
    assert (FRESH in moment.notes) == (stage != "distilled-rl")  # whose state is the last
    assert (moment.steps is not None) == (stage == "small-rl")  # which has a budget


def test_the_reward_model_pays_general_prompts(run: Path) -> None:
    """They come in the last steps, beside the problems."""
    seen = explained(run / "r1", prompt=5)
    assert seen.stage == "r1" and seen.batch.prompts == 4 + 5
    assert any(answer.parts["preference"] for answer in seen.group.answers)


def test_a_stage_that_learns_from_text_has_no_such_step(run: Path, tmp_path: Path) -> None:
    for name in ("config.json", "metrics.jsonl", "checkpoints"):
        (tmp_path / name).symlink_to(run / name)
    arrays, info = read_state(run / "state" / "state.safetensors")
    write_state(tmp_path / "state" / "state.safetensors", arrays, {**info, "stage": "dev3"})
    with pytest.raises(UserError, match="was last in dev3, which learns from text"):
        find_moment(str(tmp_path), None)
