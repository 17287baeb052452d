"""Does PPO's small critic see the prefix and nothing else, and does it learn from others?"""

from typing import Any

import numpy as np
from check import F64, close, draw

from minir1.answers import Graded
from minir1.config import override, tiny
from minir1.objectives import OBJECTIVES, chosen
from minir1.objectives.critic import features, promised, token_advantages
from minir1.policy_loss import PolicyLoss
from minir1.rollout import Rollout

PPO = override(tiny(), ["grpo.objective=ppo", "grpo.group=4"])
GOOD, BAD = 9, 5  # words that say how it will end


def rollout(tokens: np.ndarray, prompts: int, lengths: np.ndarray) -> Rollout:
    """Completions after prompts of one length."""
    column = np.arange(tokens.shape[1] - 1)
    mask = (column >= prompts - 1) & (column < prompts - 1 + lengths[:, None])
    return Rollout(
        tokens, mask.astype(np.float32), -mask.astype(np.float32), 0.5 * mask,
        np.full(len(tokens), prompts), lengths, np.ones(len(tokens), bool),
    )  # fmt: skip


def telling(groups: int = 300) -> Graded:
    """Completions of five words; the third tells whether the answer will be right."""
    rewards = (draw("telling", groups, 4) > 0).astype(float)
    tokens = np.tile(np.array([1, 2, 3, 3, 0, 4, 4], np.int32), (groups * 4, 1))
    tokens[:, 4] = np.where(rewards.reshape(-1) > 0, GOOD, BAD)
    made = rollout(tokens, 2, np.full(groups * 4, 5))
    return Graded([None] * groups, made, [], rewards)


def test_features_are_of_the_prefix_alone() -> None:
    tokens = np.array([[1, 7, 5, 5, 6, 0], [1, 8, 9, 0, 0, 0]], np.int32)
    made = rollout(tokens, 2, np.array([3, 1]))
    row, column = np.nonzero(made.completion_mask)
    told = features(made, row, column, 10)  # (4, 3 + 256)
    assert told[:, 0].tolist() == [1] * 4
    close("so far", told[:, 1], [0, 0.1, 0.2, 0], **F64)
    close("entropy", told[:, 2], [0.5] * 4, **F64)
    words = [{int(w): v for w, v in enumerate(np.expm1(x)) if v > 0} for x in told[:, 3:]]
    assert [sorted(x) for x in words] == [[], [5], [5], []]
    close("twice", words[2][5], 2, rtol=1e-6, atol=0)


def test_large_vocabularies_share_buckets() -> None:
    tokens = np.array([[1, 7, 100_000, 5]], np.int32)
    made = rollout(tokens, 2, np.array([2]))
    told = features(made, *np.nonzero(made.completion_mask), 10)
    assert np.flatnonzero(told[1, 3:]).tolist() == [100_000 % 256]


def test_a_telling_word_moves_the_promise_and_is_paid_itself() -> None:
    """Before it nobody knows; the word gets the surprise; after it nothing is left to say."""
    graded = telling()
    ours = token_advantages(graded, PPO)
    right = graded.rewards.reshape(-1) > 0
    told = np.array([ours[right][:, 1:6].mean(0), ours[~right][:, 1:6].mean(0)])
    assert (told[0, :3] > 0.8).all() and (told[1, :3] < -0.8).all()
    assert np.abs(told[:, 3:]).max() < 0.25


def test_a_promise_owes_nothing_to_its_own_half() -> None:
    told = draw("told", 60, 4)
    returns, half = draw("returns", 60), np.arange(60) < 30
    before = promised(told, returns, half)
    after = promised(told, np.where(half, returns + 5, returns), half)
    assert np.array_equal(before[half], after[half])
    assert np.abs(before - after)[~half].min() > 1


def test_a_half_that_stands_alone_is_promised_the_mean() -> None:
    returns = np.array([1.0, 0.0, 0.5])
    alone = promised(np.ones((3, 2)), returns, np.ones(3, bool))
    close("mean", alone, [0.5] * 3, **F64)


def test_advantages_are_whitened_over_the_tokens_and_zero_elsewhere() -> None:
    graded = telling()
    ours, used = token_advantages(graded, PPO), graded.rollout.completion_mask > 0
    assert not ours[~used].any()
    close("mean", ours[used].mean(), 0.0, **F64)
    close("spread", ours[used].std(), 1.0, rtol=1e-3, atol=0)


def test_a_loss_takes_the_advantages_of_tokens_where_it_has_them() -> None:
    policy: Any = None
    flat = [np.arange(6.0), np.zeros(6), np.ones(6), np.zeros(6)]
    source = np.array([1, 3, 5])
    loss = PolicyLoss(policy, OBJECTIVES["ppo"], PPO.grpo, 1.0, *flat, 3)
    assert loss.advantages_of(source).tolist() == [1, 3, 5]
    by_row = PolicyLoss(
        policy, OBJECTIVES["grpo"], PPO.grpo, 1.0, np.array([7.0, 8.0]), *flat[1:], 3
    )
    assert by_row.advantages_of(source).tolist() == [7, 8, 8]


def test_a_charge_and_leaving_out_reach_the_critic() -> None:
    graded = telling(6)
    cut = Graded(
        graded.questions,
        rollout(graded.rollout.tokens, 2, np.full(24, 5)),
        [],
        graded.rewards,
    )
    cut.rollout.finished[3] = False
    settings = override(PPO, ["grpo.truncated=left-out"])
    critic = chosen(settings.grpo).critic
    assert critic is not None
    ours = critic(cut, settings)
    assert not ours[3].any() and ours[2].any()
    settings = override(PPO, ["grpo.overlong=1.0", "sample.max_tokens=5"])
    critic = chosen(settings.grpo).critic
    assert critic is not None
    longer = Graded(
        cut.questions,
        rollout(cut.rollout.tokens, 2, np.resize([5, 3], 24)),
        [],
        np.zeros((6, 4)),
    )
    charged = critic(longer, settings)
    used = longer.rollout.completion_mask > 0
    assert charged[::2][used[::2]].mean() < charged[1::2][used[1::2]].mean()
