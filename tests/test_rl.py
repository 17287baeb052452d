"""Does a step of reinforcement learning do what its settings say, and stop when broken?"""

import dataclasses
from typing import Any

import numpy as np
import pytest
from check import F32, F64, as_arrays, close, random_params

from minir1 import answers, behaviour, model, optim, rewards, rl
from minir1.config import GRPOConfig, ModelConfig, RewardConfig, RunConfig, SampleConfig
from minir1.environment import TinyWorld
from minir1.errors import UserError
from minir1.objective import GRPO
from minir1.objectives import chosen
from minir1.policy import DecoderPolicy
from minir1.tokenizer import WordTokenizer
from minir1.world.problems import Problem
from minir1.world.questions import training_questions

TOKENIZER = WordTokenizer()
P, G, CAP = 5, 4, 9
MODEL = ModelConfig(
    vocab_size=len(TOKENIZER),
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=8,
    tie_word_embeddings=False,
)
REWARDS = np.array(
    [[1.0, 0, 0, 0], [0.1, 1.1, 0.1, 1.1], [0, 0, 0, 0], [1.1, 1.1, 0, 1.1], [0, 0, 1, 0.1]]
)
KEPT = [0, 1, 3, 4]  # group 2 is flat

POLICY = DecoderPolicy(MODEL)


def run_config(temperature: float = 1.0, **knobs: Any) -> RunConfig:
    """A config whose learning rate is large enough for the clip to matter."""
    usual = {
        "prompts": P, "group": G, "steps": 4, "warmup": 2, "learning_rate": 0.02,
        "inner_steps": 3, "minibatches": 2, "kl_weight": 0.5, "weight_decay": 0.01,
        "clip_low": 0.1, "clip_high": 0.1, "grad_clip": 0.05,
    }  # fmt: skip
    return RunConfig(
        model=MODEL,
        sample=SampleConfig(max_tokens=CAP, temperature=temperature),
        reward=RewardConfig(kind="random"),
        grpo=GRPOConfig(**{**usual, **knobs}),
        threads=1,
    )


def world(config: RunConfig) -> TinyWorld:
    return TinyWorld(config, TOKENIZER, "test")


def params(name: str = "policy") -> dict[str, Any]:
    return as_arrays(random_params(MODEL, name, np.float32))


def graded(temperature: float = 1.0, rewards: np.ndarray = REWARDS) -> answers.Graded:
    """A rollout of the policy, each completion cut to a length of its own."""
    address = (0, "test", 0)
    questions = training_questions(*address, P, 0.5)
    rollout, samples = answers.ask(
        params(), run_config(temperature), TOKENIZER, questions, G, address
    )
    lengths = 2 + np.arange(P * G) * 5 % 8
    start = rollout.prompt_lengths[:, None] - 1
    column = np.arange(rollout.completion_mask.shape[1])
    cut = rollout.completion_mask * (column < start + lengths[:, None])
    return answers.Graded(
        questions, dataclasses.replace(rollout, completion_mask=cut), samples, rewards
    )


def improved(
    batch: answers.Graded | None = None, step: int = 0, **knobs: Any
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The parameters after one rollout, and what was reported."""
    learner = rl.Learner(params(), params("reference"), optim.adamw_init(params()), step)
    threads = knobs.pop("threads", 1)
    config = dataclasses.replace(run_config(**knobs), threads=threads)
    batch, objective = batch or graded(), chosen(config.grpo)
    metrics = rl.improve(learner, config, POLICY, batch, objective=objective)
    return {n: np.asarray(p) for n, p in learner.params.items()}, metrics


def distance(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


CHANGES: dict[str, Any] = {
    "learning_rate": 0.021, "warmup": 3, "clip_low": 0.03, "clip_high": 0.03, "scale": "none",
    "average": "sequence", "kl_weight": 0.6, "kl_estimator": "k3", "inner_steps": 2,
    "minibatches": 3, "grad_clip": 0.04, "weight_decay": 0.5, "objective": "cispo",
    "truncated": "left-out",
}  # fmt: skip
ELSEWHERE = {
    "steps", "final_fraction", "prompts", "group", "reference_refresh", "zh_prompts",
    "program_prompts",
    "tokens_per_microbatch", "combine", "extra_draws", "overlong",
}  # fmt: skip


def test_every_setting_has_a_test_here() -> None:
    names = {field.name for field in dataclasses.fields(GRPOConfig)}
    assert names == set(CHANGES) | ELSEWHERE


@pytest.mark.parametrize("knob", CHANGES)
def test_every_setting_changes_the_step(knob: str) -> None:
    usual, changed = improved(), improved(**{knob: CHANGES[knob]})
    assert distance(usual[0], changed[0]) > 1e-5


def test_a_critic_speaks_for_every_token_and_a_method_for_its_clip() -> None:
    own = {"scale": "batch", "inner_steps": 4}
    ppo, plain = (improved(objective=name, **own) for name in ("ppo", "reinforce++"))
    assert distance(ppo[0], plain[0]) > 1e-5
    assert plain[1]["clip_fraction"] > 0
    assert improved(objective="cispo", inner_steps=4)[1]["clip_fraction"] == 0


def test_the_third_average_and_the_schedule() -> None:
    usual = improved()[0]
    assert distance(usual, improved(average="constant", grad_clip=100.0)[0]) > 1e-5
    late = improved(step=3)[1]["learning_rate"]
    close("final", late, 0.02 * 0.1, **F64)
    close("other end", improved(step=3, final_fraction=0.5)[1]["learning_rate"], 0.01, **F64)
    assert improved(step=3, steps=8)[1]["learning_rate"] > late


@pytest.mark.parametrize("average", ["token", "sequence", "constant"])
@pytest.mark.parametrize("tokens", [1, 60, 100_000])
def test_the_micro_batch_changes_rounding_only(tokens: int, average: str) -> None:
    """SGD-sized steps: AdamW would blow up the rounding of a gradient near zero."""
    batch, config = graded(), run_config(average=average, tokens_per_microbatch=tokens)
    config = dataclasses.replace(config, threads=1)
    usual = dataclasses.replace(
        config, grpo=dataclasses.replace(config.grpo, tokens_per_microbatch=200)
    )
    advantages = rl.grpo.group_advantages(REWARDS).reshape(-1)
    references = np.where(batch.rollout.completion_mask > 0, -3.0, np.nan)
    references = references.astype(np.float32).reshape(-1)
    rows = np.array([0, 1, 2, 3, 12, 13, 14, 15])
    one, two = (
        rl._gradient(
            params(), c, POLICY, GRPO, batch.rollout, rows, (advantages, references, np.ones(1))
        )[0]
        for c in (config, usual)
    )
    for name in one:
        close(name, one[name], two[name], **F32)


def test_threads_change_no_bit() -> None:
    usual, shared = (improved(tokens_per_microbatch=40, threads=n) for n in (1, 3))
    assert usual[1] == shared[1]
    assert distance(usual[0], shared[0]) == 0


def test_flat_groups_are_left_out_and_counted() -> None:
    _, metrics = improved()
    mask = graded().rollout.completion_mask.reshape(P, -1)
    assert metrics["flat_groups"] == pytest.approx(1 / P)
    assert metrics["trained_tokens"] == mask[KEPT].sum() * 3
    changed = graded()
    changed.rollout.old_logprobs[8:12] = -5.0  # of the flat group: nobody looks
    assert distance(improved()[0], improved(changed)[0]) == 0


def test_with_flat_groups_alone_nothing_moves() -> None:
    moved, metrics = improved(graded(rewards=np.ones((P, G))), kl_weight=0.0)
    assert distance(moved, {n: np.asarray(p) for n, p in params().items()}) == 0
    assert metrics["flat_groups"] == 1 and metrics["trained_tokens"] == 0


def test_before_the_first_update_ratio_is_one_and_nothing_is_clipped() -> None:
    _, metrics = improved(inner_steps=1, minibatches=1)
    assert metrics["logprob_gap"] < 1e-4
    assert metrics["clip_fraction"] == 0
    assert improved(inner_steps=4)[1]["clip_fraction"] > 0


@pytest.mark.parametrize("ratio", [1.2, 0.8])
def test_each_edge_of_the_clip_reaches_the_loss(ratio: float) -> None:
    """Where all ratios lie beyond an edge, the tokens that it stops have no gradient."""
    rollout = graded().rollout
    moved = dataclasses.replace(
        rollout, old_logprobs=rollout.old_logprobs - np.float32(np.log(ratio))
    )
    rows = np.arange(P * G)
    for advantage, edge in ((1.0, "clip_high"), (-1.0, "clip_low")):
        for width in (0.1, 0.5):
            widths = {"clip_low": 0.5, "clip_high": 0.5, edge: width}
            config = run_config(kl_weight=0.0, **widths)
            push = np.full(P * G, advantage)
            compared = push, np.full(1, np.nan), np.ones(1)
            grads, scored, _ = rl._gradient(
                params(), config, POLICY, GRPO, moved, rows, compared
            )
            stopped = width == 0.1 and (ratio > 1) == (advantage > 0)
            assert (rl.optim.global_norm(grads) < 1e-6) == stopped, (advantage, width)
            told = scored.ratio
            close("ratio", told, np.full(len(told), ratio), **F32)
            assert np.all(scored.advantages == advantage)


def test_the_kl_that_is_reported() -> None:
    """Zero at the reference; elsewhere the mean of k3 over the sampled tokens."""
    batch = graded()
    learner = rl.Learner.start(params())
    at_home = rl.improve(learner, run_config(), POLICY, batch)["kl"]
    assert 0 <= at_home < 1e-6
    warm, config = graded(temperature=0.7), run_config(temperature=0.7)
    assert 0 <= rl.improve(rl.Learner.start(params()), config, POLICY, warm)["kl"] < 1e-6
    assert improved(kl_weight=0.0)[1]["kl"] > 0.1  # watched, where it has no weight
    rollout, used = batch.rollout, batch.rollout.completion_mask > 0
    rows, columns = np.nonzero(used)
    places = (rows * rollout.tokens.shape[1] + columns).astype(np.int32)
    theirs = np.asarray(
        model.place_logprobs(params("reference"), MODEL, rollout.tokens, places), float
    )
    x = theirs - rollout.old_logprobs[used]
    close("kl", improved(batch)[1]["kl"], np.mean(np.expm1(x) - x), **F32)


def test_a_sampler_that_is_not_the_policy_stops_the_run() -> None:
    """Sampled at one temperature and scored at another, or shifted by a token."""
    warm = graded(temperature=0.7)
    rl.improve(rl.Learner.start(params()), run_config(temperature=0.7), POLICY, warm)
    with pytest.raises(UserError, match="sampled and scored"):
        improved(warm)
    shifted = graded()
    shifted.rollout.old_logprobs[:, 1:] = shifted.rollout.old_logprobs[:, :-1].copy()
    with pytest.raises(UserError, match="sampled and scored"):
        improved(shifted)


def test_a_gradient_that_is_no_number_stops_the_run_before_it_is_applied() -> None:
    learner = rl.Learner.start(params())
    before = learner.params
    with pytest.raises(UserError, match="gradient is"):
        rl.improve(
            learner,
            run_config(),
            POLICY,
            graded(rewards=np.where(REWARDS > 1, np.nan, REWARDS)),
        )
    assert learner.params is before


def test_a_step_leaves_the_rollout_as_it_was() -> None:
    batch = graded()
    arrays = [getattr(batch.rollout, f.name) for f in dataclasses.fields(batch.rollout)]
    before = [x.copy() for x in (*arrays, batch.rewards)]
    improved(batch)
    assert all(map(np.array_equal, before, (*arrays, batch.rewards)))


def test_the_order_of_groups_within_a_minibatch_changes_nothing() -> None:
    """A group is graded by itself: moved as a whole, it pushes as before."""
    batch, order = graded(), np.array([3, 0, 4, 1])
    rows = (order[:, None] * G + np.arange(G)).reshape(-1)
    rollout = batch.rollout
    moved = dataclasses.replace(
        rollout, **{f.name: getattr(rollout, f.name)[rows] for f in dataclasses.fields(rollout)}
    )
    one, two = (
        rl._gradient(
            params(), run_config(kl_weight=0.0), POLICY, GRPO, r, np.arange(len(r.tokens)),
            (rl.grpo.group_advantages(rewards).reshape(-1), np.ones(1), np.ones(1)),
        )[0]
        for r, rewards in ((moved, REWARDS[order]), (rollout, REWARDS))
    )  # fmt: skip
    # The flat group's tokens count in the average of the second: 4 groups against 5.
    mask = rollout.completion_mask
    share = mask[rows].sum() / mask.sum()
    for name in one:
        close(name, np.asarray(one[name]) * share, two[name], **F32)


def test_training_goes_on_from_a_saved_learner_as_if_never_stopped() -> None:
    config = run_config(reference_refresh=2)
    whole = rl.Learner(params(), params("reference"), optim.adamw_init(params()))
    reports = [step.metrics for step in rl.train(whole, config, world(config))]
    assert [r["step"] for r in reports] == [1, 2, 3, 4]
    part = rl.Learner(params(), params("reference"), optim.adamw_init(params()))
    for step in rl.train(part, config, world(config)):
        if step.metrics["step"] == 3:
            break
    resumed = rl.Learner(part.params, part.ref_params, part.optimiser, part.step, part.seconds)
    (last,) = rl.train(resumed, config, world(config))
    for name in ("reward", "entropy", "kl", "grad_norm", "logprob_gap", "trained_tokens"):
        assert last.metrics[name] == reports[-1][name], name
    for name, p in whole.params.items():
        assert np.array_equal(np.asarray(p), np.asarray(resumed.params[name])), name
    assert resumed.ref_params is resumed.params  # refreshed after step 4


def test_metrics_are_means_over_the_trained_tokens_alone() -> None:
    """Not over padding, not of the last micro-batch, and no reward is asked for twice."""
    batch = graded()
    seen = answers.describe(batch)
    used = batch.rollout.completion_mask > 0
    close("entropy", seen["entropy"], batch.rollout.entropy[used].mean(), **F32)
    close("reward", seen["reward"], REWARDS.mean(), **F64)
    close("tokens", seen["completion_tokens"], batch.rollout.completion_lengths.mean(), **F64)


def test_each_completion_is_graded_once_and_in_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def pay(problem: Any, completion: str, *rest: Any) -> tuple[dict[str, float], Any]:
        asked.append(completion)
        return {"accuracy": float(len(asked))}, {}

    monkeypatch.setattr(answers.rewards, "pay", pay)
    batch = graded()
    earned = answers.grade(batch.samples, run_config(), (0, "test", 0))["accuracy"]
    assert asked == [s.completion for s in batch.samples]
    assert earned.tolist() == np.arange(1.0, P * G + 1).reshape(P, G).tolist()
    for i, s in enumerate(batch.samples):
        assert s.problem is batch.questions[i // G].problem
        assert TOKENIZER.encode(s.completion) == batch.rollout.completion(i).tolist()


def test_settings_of_the_rollout_are_heeded() -> None:
    config = run_config(prompts=3, group=2, steps=1, zh_prompts=1.0)
    (step,) = rl.train(rl.Learner.start(params()), config, world(config))
    assert step.graded.rewards.shape == (3, 2)
    assert {q.language for q in step.graded.questions} == {"zh"}
    english = run_config(prompts=3, group=2, steps=1, zh_prompts=0.0)
    (step,) = rl.train(rl.Learner.start(params()), english, world(english))
    assert {q.language for q in step.graded.questions} == {"en"}


def test_a_reward_that_is_always_right_is_learnt() -> None:
    """The smallest probe of the whole path: pay for one word, and it is said more."""
    word = TOKENIZER.encode("yes")[0]
    config = run_config(
        inner_steps=1, minibatches=1, kl_weight=0.0, grad_clip=1.0, learning_rate=0.05,
        clip_low=0.2, clip_high=0.2, steps=20, warmup=0, final_fraction=1.0,
    )  # fmt: skip
    learner, said = rl.Learner.start(params()), []
    for step in range(20):
        address = (0, "probe", step)
        questions = training_questions(*address, P, 0.5)
        rollout, samples = answers.ask(learner.params, config, TOKENIZER, questions, 8, address)
        words = rollout.tokens[:, 1:] == word
        counts = (words * rollout.completion_mask).sum(1).reshape(P, 8)
        said.append(counts.mean())
        learner.step = step
        config8 = dataclasses.replace(config, grpo=dataclasses.replace(config.grpo, group=8))
        rl.improve(
            learner, config8, POLICY, answers.Graded(questions, rollout, samples, counts)
        )
    assert said[0] < 0.5 and np.mean(said[-3:]) > 4


def test_an_answer_that_was_cut_off_is_paid_nothing() -> None:
    """The same words, with and without the end token."""
    text = "<think> hmm </think> <answer> ( 1 + 3 ) + 7 </answer>"
    problem = Problem((1, 3, 7), 11, 2)
    ended, cut = (
        behaviour.Sample(problem, "en", text + end, 13, bool(end)) for end in (" <eos>", "")
    )
    config = dataclasses.replace(run_config(group=2), reward=RewardConfig())
    parts = answers.grade([ended, cut], config, (0, "test", 0))
    assert {kind: paid.tolist() for kind, paid in parts.items()} == {
        "accuracy": [[1, 0]], "format": [[1, 0]], "language": [[1, 0]],
    }  # fmt: skip
    paid = answers.total(parts, rewards.part_weights(config.reward))
    assert paid.tolist() == [[1.1, 0.0]]


def test_parameters_that_are_no_numbers_stop_the_run() -> None:
    broken = params()
    broken["model.norm.weight"] = broken["model.norm.weight"] * float("nan")
    with pytest.raises(UserError, match=r"step 1: sampled and scored .* differ by nan"):
        list(
            rl.train(
                rl.Learner.start(broken),
                run_config(),
                world(run_config()),
            )
        )
