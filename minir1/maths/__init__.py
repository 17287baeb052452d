"""How are mathematical answers read and compared, when the text may be hostile?

normal.py   text -> plainer text        tokens.py, units.py   text -> symbols
grammar.py, answers.py  symbols -> tree  exact.py, numeric.py  tree -> numbers
compare.py, gather.py, realsets.py       two trees -> equal or not

`minir1.verifier` is the door. Nothing here runs what was written: text becomes `Tree`s, and
trees become fractions, sympy's polynomials and mpmath's numbers. Every step is bounded before
it is taken (`bounds.py`); there are no signals and no processes, so it works in threads.
"""
