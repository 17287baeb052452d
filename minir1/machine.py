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
