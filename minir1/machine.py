"""What was it measured on, and what can that do at best? Processor, engine, matrix products."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from minir1 import __version__
from minir1.backend import cores, parallel_map, xp
from minir1.errors import UserError
from minir1.rng import generator


def machine(threads: int) -> dict[str, Any]:
    """Say what is measured: processor, threads, engine, versions."""
    engine = {"mlx": version("mlx")} if xp.name == "mlx" else {}
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    named = [f"{p['internal_api']} {p['version']} {p.get('architecture', '')}" for p in blas]
    return {
        "cpu": cpu_name(),
        "cores": cores(),
        "threads": threads or cores(),
        "engine": xp.name,
        "blas": ", ".join(named).strip(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "minir1": __version__,
        "numpy": np.__version__,
        **engine,
    }


def cpu_name() -> str:
    """Return the processor's name as its maker gives it."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()


def available_memory() -> int | None:
    """Return the bytes that a new process can have, or None where nothing tells."""
    if platform.system() == "Darwin":
        return _free_on_mac()
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        free = 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    return free if limit is None or used is None else min(free, max(limit - used, 0))


def _number(path: str) -> int | None:
    """Return the number that a file of the system holds; None if it says something else."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def _free_on_mac() -> int | None:
    """Add up the pages that vm_stat calls free or soon to be free."""
    try:
        said = subprocess.run(["vm_stat"], capture_output=True, text=True, check=True).stdout
        page = int(said.partition("page size of ")[2].split()[0])
        counts = dict(line.split(":", 1) for line in said.splitlines()[1:] if ":" in line)
        kinds = ("free", "inactive", "speculative", "purgeable")
        pages = sum(int(counts.get(f"Pages {kind}", "0").strip(" .")) for kind in kinds)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None
    return page * pages


def require_memory(wanted: int, what: str) -> None:
    """Refuse what does not fit before it is begun.

    Raises: UserError with both numbers.
    """
    free = available_memory()
    if free is not None and wanted > free:
        raise UserError(
            f"{what} needs about {wanted / 1e9:,.1f} GB of memory, {free / 1e9:,.1f} GB are "
            "free: close other programs, or take a smaller model"
        )


def matmul_gflops(threads: int, size: int, products: int = 8) -> float:
    """Time float32 products of square matrices, one thread of BLAS on every core at once.

    2 n³ FLOPs a product. This is what the cores can do at best, together.
    """
    rng = generator(0, "matmul")
    left = [
        xp.array((rng.standard_normal((size, size)) / size**0.5).astype(np.float32))
        for _ in range(threads or cores())
    ]

    def multiply(a: Any) -> None:
        product = a
        for _ in range(products):
            product = a @ product
        xp.eval(product)

    started = time.perf_counter()
    list(parallel_map(multiply, left, threads))
    return len(left) * products * 2 * size**3 / (time.perf_counter() - started) / 1e9


def versions(engine: str) -> dict[str, str]:
    """Return the versions that a result depends on."""
    found = {
        "minir1": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{sys.platform} {platform.machine()}",
    }
    if engine == "mlx":
        found["mlx"] = version("mlx")
    return found
