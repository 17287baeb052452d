"""What do the words behind a number measure? The same unit gets the same name.

A unit is a set of (name, power). "square metres", "m^2" and "metres squared" are
{("metre", 2)}; "km/h" and "kilometres per hour" are {("kilometre", 1), ("hour", -1)}. Nothing
is converted: 5 m and 500 cm have different units. A word that is no known unit, "apples",
names itself, in the singular.
"""

from minir1.maths.bounds import Unreadable

Unit = frozenset[tuple[str, int]]

_ALIASES = """
metre: m meter meters metres
centimetre: cm centimeter centimeters centimetres
millimetre: mm millimeter millimeters millimetres
kilometre: km kilometer kilometers kilometres kms
inch: in inches
foot: ft feet
yard: yd yards yds
mile: mi miles
gram: g grams gm gms
kilogram: kg kilograms kgs kilo kilos
milligram: mg milligrams
pound: lb lbs pounds
ounce: oz ounces
ton: tons
tonne: tonnes
second: s sec secs seconds
minute: min mins minutes
hour: h hr hrs hours
day: days
week: weeks wk wks
month: months
year: yr yrs years
litre: L l liter liters litres
millilitre: ml mL milliliter milliliters millilitres
gallon: gal gallons
quart: quarts qt
pint: pints pt
cup: cups
dollar: dollars usd USD US bucks
cent: cents
euro: euros eur EUR
sterling: gbp GBP
rupee: rupees rs Rs INR
yen: JPY
celsius: degC
fahrenheit: degF
kelvin: K kelvins
degree: degrees deg degs
radian: radians rad rads
percent: % pct percentage
newton: N newtons
joule: J joules
kilojoule: kJ kilojoules
watt: W watts
kilowatt: kW kilowatts
volt: V volts
ampere: A amp amps amperes
ohm: ohms
hertz: Hz hz
kilohertz: kHz
megahertz: MHz
pascal: Pa pascals
mole: mol moles
coulomb: coulombs
byte: bytes
bit: bits
person: people persons
child: children
man: men
woman: women
"""
NAMES = {
    alias: name.strip()
    for name, _, aliases in (line.partition(":") for line in _ALIASES.strip().splitlines())
    for alias in (name.strip(), *aliases.split())
}
_SPEEDS = {"mph": ("mile", "hour"), "kmh": ("kilometre", "hour"), "kph": ("kilometre", "hour")}
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_POWERS_BEHIND = {"squared": 2, "cubed": 3}
MULTIPLES = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "dozen": 12,
}  # fmt: skip
_CHANGING = """
is are was were not no wrong plus minus times over divided by squared cubed factorial choose mod
root half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh
eighth eighths ninth ninths tenth tenths hundredth hundredths thousandth thousandths
if else than lambda import more less least most
"""
CHANGING = frozenset(_CHANGING.split())  # what stands before these is not the amount itself
_EMPTY = {
    "of",
    "the",
    "a",
    "an",
    "in",
    "total",
    "approximately",
    "about",
    "unit",
    "units",
    "each",
}
_ORDINALS = {"th", "st", "nd", "rd"}
_MOST_WORDS = 8
SHORT = frozenset("mgshLNJWV")  # letters that stand for other things as well
MONEY = {"\\$": "dollar", "$": "dollar", "€": "euro", "£": "sterling", "¥": "yen", "₹": "rupee"}


def is_unit(word: str) -> bool:
    """Say whether a word is a unit's name or sign, or belongs to one."""
    known = word in NAMES or word.lower() in NAMES
    return known or word.lower() in {*_SPEEDS, *_POWERS, *_POWERS_BEHIND, *_ORDINALS, "units"}


def singular(word: str) -> str:
    """Take the plural off a word of everyday English."""
    word = word.lower()
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        return word[:-1]
    return word


def unit_of(words: list[str]) -> Unit:
    """Name the unit that these words, "/", "per" and "^2" write; of words without one, {}.

    Raises: Unreadable for words that make another amount, as in "5 thirds".
    """
    if len(words) > _MOST_WORDS:
        raise Unreadable("more words than a unit has")
    powers: dict[str, int] = {}
    last, sign, coming = "", 1, 1
    for word in words:
        lower = word.lower()
        if lower in ("/", "per"):
            sign = -1
        elif word.startswith("^") or lower in _POWERS_BEHIND:
            power = _POWERS_BEHIND.get(lower) or int(word[1:])
            if last:
                powers[last] *= power
            else:
                raise Unreadable("the power of no unit")
        elif lower in CHANGING:
            raise Unreadable(f"{lower} changes the amount")
        elif lower in _POWERS:
            coming = _POWERS[lower]
        elif lower in _SPEEDS:
            above, below = _SPEEDS[lower]
            powers[above], powers[below] = 1, -1
        elif lower in _EMPTY and not (lower in ("in", "units", "unit") and coming > 1):
            continue
        elif lower not in _ORDINALS:
            last = NAMES.get(word) or NAMES.get(lower) or singular(word)
            powers[last] = powers.get(last, 0) + sign * coming
            sign = coming = 1
    if {"celsius", "fahrenheit"} & powers.keys():
        powers.pop("degree", None)
    return frozenset(powers.items())


def same_unit(one: Unit, other: Unit) -> bool:
    """Say whether two units agree: alike, or one adds only words that measure nothing."""
    known = set(NAMES.values())
    more = one ^ other
    return (
        not one
        or not other
        or ((one <= other or other <= one) and not any(name in known for name, _ in more))
    )
