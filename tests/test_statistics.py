"""Estimates agree with enumeration, intervals cover, ranks match hand cases."""

import math
import time
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from minir1.rng import generator
from minir1.statistics import bootstrap_interval, maj_at_k, pass_at_k, ranks, spearman


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_agrees_with_every_subset(n):
    for c in range(n + 1):
        right = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            subsets = list(combinations(right, k))
            expected = sum(any(subset) for subset in subsets) / len(subsets)
            assert pass_at_k(n, c, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_vectorised_and_exact_at_its_ends():
    n, c = np.array([64, 64, 64, 64]), np.array([0, 1, 32, 64])
    assert pass_at_k(n, c, 1).tolist() == [0, 1 / 64, 0.5, 1]
    assert pass_at_k(64, c, 64).tolist() == [0, 1, 1, 1]
    assert pass_at_k(10**6, 10, 1000) == pytest.approx(1 - 0.999**10, rel=1e-2)


def test_pass_at_k_is_unbiased_where_the_naive_estimate_is_not():
    p, n, k = 0.2, 4, 3
    chance = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    assert pass_at_k(n, np.arange(n + 1), k) @ chance == pytest.approx(1 - (1 - p) ** k)
    naive = 1 - (1 - np.arange(n + 1) / n) ** k
    assert naive @ chance < 1 - (1 - p) ** k - 0.01


@pytest.mark.parametrize(("n", "c", "k"), [(4, 2, 5), (4, 2, 0), (4, 5, 2), (4, -1, 2)])
def test_pass_at_k_refuses_what_it_cannot_estimate(n, c, k):
    with pytest.raises(ValueError, match="wanted"):
        pass_at_k(n, c, k)
    with pytest.raises(ValueError, match="wanted"):
        pass_at_k(np.array([16, n]), np.array([1, c]), k)


def voted(answers, right, k):
    """Count every subset of k answers; a tie is worth its share of right front runners."""
    total = []
    for subset in combinations(answers, k):
        counts = Counter(answer for answer in subset if answer is not None)
        most = max(counts.values(), default=0)
        front = [answer for answer, count in counts.items() if count == most]
        total.append(sum(answer in right for answer in front) / max(len(front), 1))
    return sum(total) / len(total)


CASES = [
    ("aab", {"a"}, 1.0),
    ("aab", {"b"}, 0.0),
    ("ab", {"a"}, 0.5),
    ("aabbc", {"a"}, 0.5),
    ("aabbc", {"a", "b"}, 1.0),
    ("abc", {"b"}, 1 / 3),
    ([None, None, "a"], {"a"}, 1.0),
    ([None, None, None], set(), 0.0),
    ([None, "a", "b"], {"a"}, 0.5),
]


@pytest.mark.parametrize(("answers", "right", "expected"), CASES)
def test_a_vote_of_all_answers_breaks_ties_fairly(answers, right, expected):
    correct = [[answer in right for answer in answers]]
    assert maj_at_k([answers], correct, len(answers))[0] == pytest.approx(expected)
    assert voted(answers, right, len(answers)) == pytest.approx(expected)


def test_votes_of_some_answers_agree_with_every_subset():
    rng = np.random.default_rng(0)
    problems = [
        [None if code == 4 else "abcd"[code] for code in rng.integers(5, size=7)]
        for _ in range(40)
    ]
    correct = [[answer in ("a", "d") for answer in answers] for answers in problems]
    for k in (1, 2, 3, 5, 7):
        found = maj_at_k(problems, correct, k, rng=generator(0, "votes", k), rounds=3000)
        expected = [voted(answers, {"a", "d"}, k) for answers in problems]
        np.testing.assert_allclose(found, expected, atol=1e-12 if k in (1, 7) else 0.05)
        assert abs(found.mean() - np.mean(expected)) < 0.01


def test_a_draw_of_abstentions_elects_nobody():
    found = maj_at_k([["a", None, None, None]], [[1, 0, 0, 0]], 2, generator(0), rounds=3000)
    assert found[0] == pytest.approx(0.5, abs=0.03)


def test_votes_depend_on_the_generator_alone():
    answers, correct = [list("aabbcc")] * 3, [[True, True, False, False, False, False]] * 3
    first = maj_at_k(answers, correct, 3, rng=generator(1, "votes"))
    assert (first == maj_at_k(answers, correct, 3, rng=generator(1, "votes"))).all()
    assert (first != maj_at_k(answers, correct, 3, rng=generator(2, "votes"))).any()


@pytest.mark.parametrize(
    ("answers", "correct", "k", "message"),
    [
        ([["a", "b"]], [[1, 0]], 3, "wanted 1 <= k"),
        ([["a", "b"]], [[1, 0]], 0, "wanted 1 <= k"),
        ([["a", "b", "c"]], [[1, 0, 0]], 2, "wanted a generator"),
        ([["a", "a"]], [[1, 0]], 2, "graded both"),
        ([["a", None]], [[0, 1]], 2, "abstention"),
        ([["a", "b"], ["a"]], [[1, 0], [1, 0]], 2, "same number"),
        ([["a", "b"]], [[1, 0], [1, 0]], 2, "same number"),
    ],
)
def test_a_wrong_vote_is_refused(answers, correct, k, message):
    with pytest.raises(ValueError, match=message):
        maj_at_k(answers, correct, k)


def test_a_vote_of_500_problems_takes_under_a_second():
    rng = np.random.default_rng(0)
    codes = rng.integers(6, size=(500, 16))
    answers = [[f"answer {code}" for code in row] for row in codes]
    start = time.perf_counter()
    maj_at_k(answers, codes == 0, 16)
    maj_at_k(answers, codes == 0, 8, rng=generator(0, "votes"))
    assert time.perf_counter() - start < 1


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng, covered = np.random.default_rng(0), 0
    for trial in range(300):
        values = rng.random(60) < 0.3
        low, high = bootstrap_interval(values, generator(0, "cover", trial), rounds=200)
        covered += low <= 0.3 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_an_interval_has_the_width_of_the_normal_one_and_shrinks_with_the_level():
    values = np.random.default_rng(0).normal(5, 1, size=400)
    low, high = bootstrap_interval(values, generator(0, "interval"))
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.2 * half)
    inner = bootstrap_interval(values, generator(0, "interval"), level=0.5)
    assert low < inner[0] < values.mean() < inner[1] < high
    assert (low, high) == bootstrap_interval(values, generator(0, "interval"))
    assert (low, high) != bootstrap_interval(values, generator(1, "interval"))


@pytest.mark.parametrize("values", [[], [0.5, float("nan")], [[0.1, 0.2]]])
def test_an_interval_of_nothing_is_refused(values):
    with pytest.raises(ValueError, match="wanted"):
        bootstrap_interval(values, generator(0))


def test_equal_values_share_their_rank():
    assert ranks(np.array([10, 30, 20, 20])).tolist() == [1, 4, 2.5, 2.5]
    assert ranks(np.array([5, 5, 5])).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 1000], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 8 / math.sqrt(95)),  # ties
        ([1, 1, 2, 2], [1, 2, 1, 2], 0.0),
        ([106, 100, 86, 101, 99, 103, 97, 113, 112, 110],
         [7, 27, 2, 50, 28, 29, 20, 12, 6, 17], -29 / 165),
    ],
)  # fmt: skip
def test_spearman_matches_hand_cases(x, y, expected):
    assert spearman(x, y) == pytest.approx(expected)
    assert spearman(y, x) == pytest.approx(expected)
    assert spearman(np.exp(np.array(x) / 50), y) == pytest.approx(expected)


def test_spearman_of_a_constant_has_no_answer():
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))
    assert math.isnan(spearman([], []))
    with pytest.raises(ValueError, match="equal lengths"):
        spearman([1, 2], [1, 2, 3])
