"""Which fault is in a run, and how does its stage meet it?

The run keeps the name in a file of its own, which nothing but a resumed run reads: what
judges a run from its logs must not know.
"""

from minir1.config import RunConfig
from minir1.datasets import Checkpoint
from minir1.environment import Environment
from minir1.faults.catalogue import find
from minir1.faults.fault import BrokenWorld, Fault
from minir1.objective import Objective
from minir1.runfolder import RunFolder

FILE = "injected.json"


def keep_fault(run: RunFolder, fault: Fault) -> None:
    """Write down which fault a run has."""
    run.write(FILE, {"fault": fault.name})


def fault_of(run: RunFolder) -> Fault | None:
    """Return the fault of a run, None for a healthy one. Raises: UserError."""
    name = run.read(FILE).get("fault")
    return None if name is None else find(str(name))


def plant(
    run: RunFolder,
    world: Environment,
    objective: Objective,
    config: RunConfig,
    start: Checkpoint,
) -> tuple[Environment, Objective]:
    """Return the world and the algorithm that a stage trains with, as they are if healthy."""
    fault = fault_of(run)
    if fault is None:
        return world, objective
    return BrokenWorld(fault, world, config, start), fault.objective(objective)
