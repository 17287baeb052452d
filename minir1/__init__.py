"""DeepSeek-R1, whole, on the machine that you have.

Reading order: grpo -> rewards -> rollout -> pipeline -> model -> autograd.
Importing minir1 imports nothing heavy: take what you need from its modules.
"""

__version__ = "0.1.0"
