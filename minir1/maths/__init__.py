"""How are mathematical answers read and compared, when the text may be hostile?

normal.py                       text -> plainer text
tokens.py, units.py             plainer text -> symbols
grammar.py, forms.py, answers.py    symbols -> tree (tree.py)
exact.py, balls.py, numeric.py  tree -> fractions, polynomials, rounded numbers with errors
values.py, relations.py, gather.py, realsets.py, compare.py     two trees -> equal or not
objects.py                      tree -> sympy's objects, to show what was read

`minir1.verifier` is the door. Nothing here runs what was written: text becomes `Tree`s, and
trees become fractions, sympy's polynomials and mpmath's numbers. Every step is bounded before
it is taken (`bounds.py`); there are no signals and no processes, so it works in threads.
"""
