"""How much may one answer cost? Limits that hold before work begins, and a meter for the rest.

A limit on size is checked where the thing is made: characters, symbols, depth, digits,
exponents. What is left, many steps of moderate cost, is paid to a meter whose unit is about a
microsecond; a text that has spent its share is one that cannot be read.
"""

LONGEST_TEXT = 2000  # characters of an answer
LONGEST_WORDS = 80  # characters of an answer in words
MOST_TOKENS = 500
MOST_DEPTH = 24  # brackets, roots, exponents and signs inside one another
MOST_DIGITS = 400  # of one number as written
MOST_BITS = 64_000  # of a whole number that is computed exactly
MOST_FRACTION_BITS = 2_000  # where a common divisor has to be found at every step
GREATEST_EXPONENT = 100_000
GREATEST_FACTORIAL = 1_000
GREATEST_MAGNITUDE = 10_000_000  # bits: a number of about three million digits, rounded
MOST_ITEMS = 40  # of a list, a set, a matrix
MOST_SYMBOLS = 12
GREATEST_DEGREE = 40  # of a polynomial that is multiplied out
MOST_TERMS = 3_000  # products of two terms in one multiplication
WORK = 8_000  # units, for one comparison
WORK_ALONE = 3_900  # for a gold answer compared with itself: twice that fits into WORK


class Unreadable(ValueError):
    """The text is no answer of the grammar, or it would cost too much to find out."""


class Undefined(ArithmeticError):
    """What is written has no value here: 1/0, or the logarithm of 0."""


class Meter:
    """What one answer may still spend; every step pays before it works.

    Raises: Unreadable as soon as more is spent than was given.
    """

    def __init__(self, left: int = WORK):
        self.left = left

    def pay(self, units: int) -> None:
        """Spend units of work, a microsecond each, roughly."""
        self.left -= units
        if self.left < 0:
            raise Unreadable("too much work")
