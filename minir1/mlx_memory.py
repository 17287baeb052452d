"""What does MLX say of the machine's memory?"""

import mlx.core as mx


def working_set() -> int | None:
    """Return the bytes that Apple's GPU works with at its best, or None without one."""
    found = mx.device_info().get("max_recommended_working_set_size")
    return None if found is None else int(found)


def peak() -> int:
    """Return the most bytes that MLX's arrays held."""
    return int(mx.get_peak_memory())
