"""Does every random number come from its address, and from nothing else?"""

import threading

import numpy as np
from check import close

from minir1.rng import generator, uniforms


def test_the_same_address_gives_the_same_numbers() -> None:
    a = generator(3, "stage", 7).random(5)
    np.random.random(100)  # (a global state that must not matter)
    assert np.array_equal(a, generator(3, "stage", 7).random(5))


def test_every_part_of_an_address_matters() -> None:
    addresses = [
        (0,),
        (1,),
        (0, "a"),
        (0, "b"),
        (0, "a", 0),
        (0, "a", 1),
        (0, 0, "a"),
        (0, 1, 0),
    ]
    addresses += [(0, 10), (0, 1, 0), (0, "ab"), (-1,), (2**70,)]
    first = {address: generator(*address).random() for address in addresses}
    assert len(set(first.values())) == len(set(addresses))


def test_pinned_numbers() -> None:
    """Whoever changes these changes every run that was ever published."""
    close("generator", generator(0, "pin", 1).random(3), PINNED_GENERATOR, rtol=1e-15, atol=0)
    u = uniforms(0, "pin", 1, [(0, 0), (5, 3)], 3)
    close("uniforms", u, PINNED_UNIFORMS, rtol=1e-7, atol=0)


PINNED_GENERATOR = [0.23271737393836678, 0.903306101294478, 0.19047626618822366]
PINNED_UNIFORMS = [
    [0.27628815174102783, 0.2327173352241516, 0.33704644441604614],
    [0.824235200881958, 0.5601040720939636, 0.29373806715011597],
]


def test_a_row_draws_the_same_whichever_rows_are_beside_it() -> None:
    rows = [(p, s) for p in range(4) for s in range(3)]
    together = uniforms(1, "stage", 2, rows, 20)
    for i, row in enumerate(rows):
        assert np.array_equal(uniforms(1, "stage", 2, [row], 20)[0], together[i])
    assert np.array_equal(uniforms(1, "stage", 2, rows[::-1], 20), together[::-1])


def test_a_longer_row_begins_like_a_shorter_one() -> None:
    assert np.array_equal(
        uniforms(1, "s", 0, [(2, 2)], 50)[:, :7], uniforms(1, "s", 0, [(2, 2)], 7)
    )


def test_rows_stages_steps_and_seeds_draw_apart() -> None:
    rows = [(p, s) for p in range(20) for s in range(20)]
    u = uniforms(0, "s", 0, rows, 4)
    assert len(np.unique(u[:, 0])) > 395  # float32: few coincidences
    shifted = np.concatenate([u[:, 1:], u[:, :1]], axis=1)
    assert not (u[:, None, :3] == shifted[None, :, :3]).all(-1).any()  # no overlapping streams
    for other in (("t", 0, 0), ("s", 1, 0), ("s", 0, 1)):
        stage, step, seed = other
        assert not np.array_equal(uniforms(seed, stage, step, rows[:3], 4), u[:3])


def test_uniforms_are_uniform_below_one_and_float32() -> None:
    u = uniforms(0, "s", 0, [(p, 0) for p in range(100)], 1000)
    assert u.dtype == np.float32 and u.shape == (100, 1000)
    assert u.min() >= 0 and u.max() < 1
    counts = np.histogram(u, bins=20, range=(0, 1))[0]
    chi_square = float(((counts - 5000) ** 2 / 5000).sum())
    assert chi_square < 19 + 4 * np.sqrt(2 * 19)
    lag = np.corrcoef(u[:, :-1].ravel(), u[:, 1:].ravel())[0, 1]
    across = np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1]
    assert max(abs(lag), abs(across)) < 4 / np.sqrt(u.size)


def test_threads_do_not_disturb_each_other() -> None:
    rows = [(p, 1) for p in range(50)]
    expected = uniforms(0, "t", 0, rows, 30)
    results: list[np.ndarray] = []

    def work() -> None:
        results.append(uniforms(0, "t", 0, rows, 30))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and all(np.array_equal(r, expected) for r in results)
