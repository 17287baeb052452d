"""How does a model leave minir1, for other tools and for larger machines?

`source.py` finds what is meant, `hf.py` writes a model folder, `wording.py` writes questions
and pays for answers, `trl.py` and `verl.py` put the three together for an engine.
"""
