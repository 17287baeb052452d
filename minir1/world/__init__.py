"""What does the tiny model read, and what is it asked? The tiny world answers both.

Start with `problems` (the number puzzles), then `corpus` (what the base model is pretrained on)
and `general` (everyday prompts). `audit` measures a corpus from its texts.
"""
