"""Is the step that is explained the step that training takes, and do its numbers add up?"""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_run

from minir1 import explain_source, optim, rl, training
from minir1.backend import from_numpy
from minir1.checkpoint import load_checkpoint
from minir1.config import override, tiny
from minir1.environment import TinyWorld
from minir1.errors import UserError
from minir1.explain import default_prompt, explain
from minir1.explain_gradient import Watched, share
from minir1.explain_source import find_moment
from minir1.explanation import Explanation
from minir1.grpo import EPS
from minir1.objectives import OBJECTIVES, chosen
from minir1.storage.jsonlines import read_lines
from minir1.storage.state import read_state

PARAMS, MODEL, TOKENIZER = load_checkpoint(small_run.BASE)
SETTINGS = [s for s in small_run.SETTINGS if not s.startswith(("keep", "threads"))]


def learner() -> rl.Learner:
    return rl.Learner.start(from_numpy(PARAMS))


def told(prompt: int | None = None, *settings: str) -> Explanation:
    """The first step of the small base, explained."""
    config = override(replace(tiny("r1-zero"), model=MODEL), [*SETTINGS, *settings])
    world = TinyWorld(config, TOKENIZER, "r1-zero")
    objective = chosen(config.grpo)
    return explain(learner(), config, world, TOKENIZER, prompt, objective=objective)


@pytest.fixture(scope="module")
def first() -> Explanation:
    return told()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole small run, which kept its policies after steps 2 and 4."""
    return small_run.train(tmp_path_factory.mktemp("explain") / "run")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped while it recorded step 3, so its state is that of step 2."""
    out = tmp_path_factory.mktemp("explain") / "stopped"
    with pytest.MonkeyPatch.context() as patch:
        record = training._record

        def interrupted(stage: Any, learner: rl.Learner, *rest: Any) -> None:
            if learner.step == 3:
                raise KeyboardInterrupt
            record(stage, learner, *rest)

        patch.setattr(training, "_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            small_run.train(out)
    return out


def explained(name: str | Path, step: int | None = None, **options: Any) -> Explanation:
    m = find_moment(str(name), step)
    asked = m.learner, m.config, m.world, m.tokenizer
    return explain(*asked, steps=m.steps, objective=m.objective, **options)


def row_of(run: Path, stage: str, step: int) -> dict[str, Any]:
    lines = read_lines(run / "metrics.jsonl")
    return next(m for m in lines if (m["stage"], m["step"]) == (stage, step))


# the same step as in training


def test_the_step_after_the_saved_state_is_the_one_that_training_takes(
    stopped: Path, run: Path
) -> None:
    """Bit for bit, to the second update, which starts from the first one's parameters."""
    seen, trained = explained(stopped), row_of(run, "r1-zero", 3)
    assert (seen.stage, seen.step) == ("r1-zero", 3)
    assert find_moment(str(stopped), None).notes == ()
    assert seen.metrics.items() <= trained.items()
    assert len(seen.batch.updates) == 2 and seen.metrics["grad_norm"] > 0
    assert seen.batch.reward == trained["reward"]
    before = read_state(stopped / "state" / "state.safetensors")[0]
    after = parameters_after(stopped)
    moved = {n: p - before[f"params/{n}"] for n, p in after.items()}
    assert seen.batch.moved == pytest.approx(optim.global_norm(from_numpy(moved)))


def parameters_after(run: Path) -> dict[str, np.ndarray]:
    """Take one step of the real loop from the saved state."""
    m = find_moment(str(run), None)
    next(iter(rl.train(m.learner, m.config, m.world, None, m.objective)))
    return {name: np.asarray(p) for name, p in m.learner.params.items()}


def test_a_kept_policy_takes_the_same_step_up_to_its_first_gradient(run: Path) -> None:
    moment = find_moment(str(run / "r1-zero-step2"), None)
    seen, trained = explained(run / "r1-zero-step2"), row_of(run, "r1-zero", 3)
    assert moment.notes == (explain_source.FRESH,)
    assert (seen.stage, seen.step, seen.batch.reward) == ("r1-zero", 3, trained["reward"])
    for name in ("learning_rate", "logprob_gap", "flat_groups", "trained_tokens"):
        assert seen.metrics[name] == trained[name], name
    assert moment.learner.ref_params is not moment.learner.params


def test_the_first_step_is_that_of_the_base(run: Path) -> None:
    for name, step in ((run / "base", None), (run, 1), (run / "r1-zero", 1)):
        seen = explained(name, step)
        assert seen.metrics.items() <= row_of(run, "r1-zero", 1).items()


def test_a_finished_run_is_told_the_step_that_would_come_next(run: Path) -> None:
    for name in (run, run / "r1-zero"):
        moment = find_moment(str(name), None)
        assert moment.learner.step == 4 and moment.learner.optimiser["step"] == 8
        assert moment.notes == (explain_source.BEYOND.format(4),)


def test_explaining_changes_nothing(run: Path) -> None:
    before = small_run.left_behind(run)
    mine = find_moment(str(run), None)
    params, updates = mine.learner.params, mine.learner.optimiser
    explain(mine.learner, mine.config, mine.world, mine.tokenizer)
    assert mine.learner.params is params and mine.learner.optimiser is updates
    assert mine.learner.step == 4
    assert small_run.left_behind(run) == before


def test_it_comes_out_the_same_twice(first: Explanation) -> None:
    assert told().to_dict() == first.to_dict()


# the numbers


def test_advantages_weights_and_pushes_are_what_the_sections_say(first: Explanation) -> None:
    group, own = first.group, next(u for u in first.batch.updates if u.has_group)
    rewards = np.array([a.reward for a in group.answers])
    assert group.mean == pytest.approx(rewards.mean())
    assert group.std == pytest.approx(rewards.std())
    for answer in group.answers:
        expected = (answer.reward - group.mean) / (group.std + EPS)
        assert answer.advantage == pytest.approx(expected)
        paid = sum(first.part_weights[kind] * value for kind, value in answer.parts.items())
        assert answer.reward == pytest.approx(paid)
        for token in answer.tokens:
            assert token.weight == pytest.approx(1 / own.tokens)
            assert token.push == pytest.approx(token.weight * answer.advantage, rel=1e-4)
            assert token.pull == pytest.approx(token.push * (1 - token.before))
            assert abs(token.sampled - token.scored) < 1e-4


def test_tokens_spell_the_completion(first: Explanation) -> None:
    for answer in first.group.answers:
        assert " ".join(token.word for token in answer.tokens) == answer.completion
    lengths = [len(answer.tokens) for answer in first.group.answers]
    assert max(lengths) <= 40 and len(set(lengths)) > 1


def test_probabilities_after_are_those_of_the_improved_policy(first: Explanation) -> None:
    config = override(replace(tiny("r1-zero"), model=MODEL), SETTINGS)
    world, mine = TinyWorld(config, TOKENIZER, "r1-zero"), learner()
    graded = world.rollout(mine.params, 0)
    rl.improve(mine, config, world.policy, graded)
    at = (first.group.number - 1) * config.grpo.group
    answer, length = first.group.answers[0], int(graded.rollout.prompt_lengths[at])
    tokens = graded.rollout.tokens[at : at + 1, : length + len(answer.tokens)]
    places = np.arange(length - 1, tokens.shape[1] - 1, dtype=np.int32)
    after = np.asarray(world.policy.place_logprobs(mine.params, tokens, places))
    assert [t.rescored for t in answer.tokens] == pytest.approx(after.tolist(), abs=1e-4)
    assert answer.change == pytest.approx(
        sum(math.log(t.after / t.before) for t in answer.tokens)
    )


def test_the_shares_of_all_groups_sum_to_one(first: Explanation) -> None:
    found = [told(prompt) for prompt in range(1, first.batch.prompts + 1)]
    assert [e.group.number for e in found] == [1, 2, 3, 4]
    for which in range(2):
        shares = [e.group.share for e in found if e.batch.updates[which].has_group]
        assert sum(shares) == pytest.approx(1, abs=1e-4)
    norms = [update.norm for update in first.batch.updates]
    assert np.mean(norms) == pytest.approx(first.metrics["grad_norm"])


def test_the_batch_counts_the_answers_of_all_groups(first: Explanation) -> None:
    answers = [a for n in range(1, 5) for a in told(n).group.answers]
    up = [a.change for a in answers if sum(t.push for t in a.tokens) > 0]
    down = [a.change for a in answers if sum(t.push for t in a.tokens) < 0]
    batch = first.batch
    assert (batch.pushed_up, batch.pushed_down) == (len(up), len(down))
    assert (batch.rose, batch.fell) == (sum(c > 0 for c in up), sum(c < 0 for c in down))
    assert 2 * batch.rose != batch.pushed_up and 2 * batch.fell != batch.pushed_down


def test_a_part_of_a_gradient_may_point_against_it() -> None:
    whole = from_numpy({"a": np.array([3.0, 4.0])})
    assert share(whole, whole) == pytest.approx(1)
    assert share(from_numpy({"a": np.array([-3.0, -4.0])}), whole) == pytest.approx(-1)
    assert share(from_numpy({"a": np.array([4.0, -3.0])}), whole) == pytest.approx(0)


def test_a_group_that_teaches_nothing_has_no_push() -> None:
    flat = told(1, "reward.accuracy=0", "reward.format=0")
    assert flat.batch.flat == flat.batch.prompts and not flat.batch.updates
    assert flat.group.norm == flat.group.share == 0
    assert not any(t.push or t.weight for a in flat.group.answers for t in a.tokens)
    assert flat.batch.moved == 0


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_every_method_can_be_explained(name: str) -> None:
    seen = told(None, f"grpo.objective={name}")
    config = override(
        replace(tiny("r1-zero"), model=MODEL), [*SETTINGS, f"grpo.objective={name}"]
    )
    world, mine = TinyWorld(config, TOKENIZER, "r1-zero"), learner()
    graded = world.rollout(mine.params, 0)
    trained = rl.improve(mine, config, world.policy, graded, objective=chosen(config.grpo))
    assert seen.metrics == trained
    assert seen.objective == name and seen.by_token == (name == "ppo")
    assert any(token.push for answer in seen.group.answers for token in answer.tokens)


def test_a_token_is_told_by_its_first_update() -> None:
    once, twice = told(), told(None, "grpo.inner_steps=2")
    assert len(twice.batch.updates) == 2 * len(once.batch.updates)
    for a, b in zip(once.group.answers, twice.group.answers, strict=True):
        assert [t.push for t in a.tokens] == [t.push for t in b.tokens]


def test_the_watching_policy_is_the_policy_in_all_else() -> None:
    policy = TinyWorld(replace(tiny(), model=MODEL), TOKENIZER, "r1-zero").policy
    watched = Watched(policy)
    assert watched.tolerance == policy.tolerance and watched.sample == policy.sample
    watched.gradients(lambda p, batch: (p["a"] * 0.0,), from_numpy({"a": np.ones(())}), [])
    assert watched.updates == []


# which prompt, which step


def test_the_prompt_is_the_first_english_one_with_right_and_wrong_answers() -> None:
    class Asked:
        language = "en"

    def graded(right: list[list[int]], languages: str) -> Any:
        questions = [Asked() for _ in right]
        for question, language in zip(questions, languages.split(), strict=True):
            question.language = language
        parts = {"accuracy": np.array(right, float)}
        return type(
            "G", (), {"rewards": parts["accuracy"], "parts": parts, "questions": questions}
        )

    pushed = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [1.0]])
    all_three = [[1, 1], [0, 1], [1, 0]]
    assert default_prompt(graded(all_three, "en zh en"), pushed) == 2
    assert default_prompt(graded(all_three, "en zh zh"), pushed) == 1
    assert default_prompt(graded([[1, 1], [1, 1], [0, 0]], "en zh en"), pushed) == 1
    assert default_prompt(graded(all_three, "en en en"), 0 * pushed) == 0


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [
        ("{run}", 2, "kept no policy from before it; there are steps 1, 3, 5"),
        ("{run}", 6, "--step 6: r1-zero of .* has 4 steps; wanted 1 to 5"),
        ("{run}/r1-zero", 9, "has 4 steps; wanted 1 to 5"),
        ("base", 2, "has 0 steps; wanted 1 to 1"),
        ("{run}/nosuch", None, "there is no checkpoint"),
        ("{run}/data", None, "there is no checkpoint|is no checkpoint and no run"),
    ],
)
def test_a_step_that_is_not_there_is_named_on_one_line(
    run: Path, name: str, step: int | None, said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        find_moment(name.format(run=run), step)
    assert "\n" not in str(error.value)


def test_a_prompt_that_was_not_asked_is_named() -> None:
    with pytest.raises(UserError, match="--prompt 5: this step asked 4 prompts; wanted 1 to 4"):
        told(5)


def changed(run: Path, out: Path, file: str, change: Any) -> Path:
    """A copy of a run with a JSON file changed."""
    copy = shutil.copytree(run, out)
    described = json.loads((copy / file).read_text("utf-8"))
    change(described)
    (copy / file).write_text(json.dumps(described), "utf-8")
    return copy


def test_settings_of_another_version_are_refused_with_advice(run: Path, tmp_path: Path) -> None:
    copy = changed(run, tmp_path / "a", "config.json", lambda d: d["config"].pop("grpo"))
    with pytest.raises(UserError, match="explain it with the version that made it"):
        find_moment(str(copy), None)
    other = changed(run, tmp_path / "b", "config.json", lambda d: d.pop("config"))
    with pytest.raises(UserError, match="is not a run's"):
        find_moment(str(other), None)


def test_a_run_stopped_before_its_first_state_is_told_its_first_step(
    run: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    shutil.rmtree(copy / "state")
    assert find_moment(str(copy), None).learner.step == 0


def test_a_planted_fault_is_part_of_the_step_and_said(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "injected.json").write_text('{"fault": "eos-untrained"}', "utf-8")
    moment = find_moment(str(copy / "base"), None)
    assert moment.notes[-1].startswith("planted: eos-untrained")
    seen = explained(copy / "base")
    ends = [a.tokens[-1] for a in seen.group.answers if a.finished]
    assert ends and all(t.word == "<eos>" and t.weight == 0 for t in ends)
    assert all(t.weight for a in explained(run / "base").group.answers for t in a.tokens)
