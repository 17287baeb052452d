"""How is a configuration checked, flattened and changed from the command line?

The machinery under `config.py`: a dataclass that derives from Section checks the type and
the range of its fields when it is made, so that no wrong value gets further than that.
Which settings exist, and what they mean, is in `config.py`.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import reduce
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from minir1.errors import UserError, closest, did_you_mean, shorten


@dataclass(frozen=True)
class Range:
    """The numbers that a field accepts: low..high, or above low where `open_low`."""

    low: float
    high: float = math.inf
    open_low: bool = False

    def holds(self, value: float) -> bool:
        """Say whether a number lies in the range."""
        return (value > self.low if self.open_low else value >= self.low) and value <= self.high

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"from {self.low:g} to {self.high:g}"
        return f"above {self.low:g}" if self.open_low else f"{self.low:g} or more"


Whole = Annotated[int, Range(0)]
Count = Annotated[int, Range(1)]
Weight = Annotated[float, Range(0)]
Positive = Annotated[float, Range(0, open_low=True)]
Share = Annotated[float, Range(0, 1)]
Decay = Annotated[float, Range(0, 0.9999)]  # a running average's memory; 1 would never learn

# What other libraries and papers call our settings.
OTHER_NAMES = {
    "lr": "learning_rate",
    "beta": "kl_weight",
    "epsilon": "clip_low",
    "clip_coef": "clip_low",
    "epsilon_high": "clip_high",
    "num_generations": "group",
    "num_iterations": "inner_steps",
    "max_new_tokens": "max_tokens",
    "max_completion_length": "max_tokens",
    "max_grad_norm": "grad_clip",
}


@dataclass(frozen=True)
class Section:
    """A group of settings that checks itself when it is made."""

    section: ClassVar[str] = ""  # the first part of its dotted keys; "" for the whole

    def __post_init__(self) -> None:
        hints = type_hints(type(self))
        for field in fields(self):
            if not is_dataclass(hints[field.name]):
                value = checked(
                    self.key(field.name), hints[field.name], getattr(self, field.name)
                )
                object.__setattr__(self, field.name, value)

    def key(self, name: str) -> str:
        """Return the dotted key of a field, as --set spells it."""
        return f"{self.section}.{name}" if self.section else name

    def refuse(self, name: str, wanted: str) -> None:
        """Raise the error of a field whose value does not go with the others."""
        raise UserError(f"{self.key(name)}={shorten(getattr(self, name))}: wanted {wanted}")

    def brings(self, name: str, value: object) -> Mapping[str, Any]:
        """Say which settings of this section another value of one sets too: none, usually."""
        return {}

    def without_use(self) -> tuple[str, ...]:
        """Name the settings that the others leave without any effect: none, usually."""
        return ()

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain nested dicts that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Make the settings from nested dicts that name every key, and no other."""
        hints, where = type_hints(cls), cls.section or "the configuration"
        if not isinstance(data, dict):
            raise UserError(
                f"{where} is {shorten(data)}: wanted an object with keys and values"
            )
        names = [field.name for field in fields(cls)]
        for name in data:
            if name not in names:
                hint = did_you_mean(str(name), names)
                raise UserError(f"{where} has an unknown key {shorten(repr(name))}{hint}")
        for name in names:
            if name not in data:
                raise UserError(f"{where} has no key {name!r}: wanted all of its settings")
        return cls(**{n: _nested(hints[n], data[n]) for n in names})


def _nested(hint: Any, value: object) -> Any:
    return (
        hint.from_dict(value) if isinstance(hint, type) and issubclass(hint, Section) else value
    )


def type_hints(cls: type) -> dict[str, Any]:
    """Return the annotations of a class's fields, ranges included."""
    return get_type_hints(cls, include_extras=True)


def checked(key: str, hint: Any, value: object) -> Any:
    """Return a value that fits a field's annotation, whole numbers turned to float if need be.

    Raises: UserError with the dotted key and what was wanted.
    """
    kind, limits = hint, None
    if get_origin(hint) is Annotated:
        kind, limits = get_args(hint)
    given = f"{key}={shorten(value)}"
    if get_origin(kind) is Literal:
        options = get_args(kind)
        if isinstance(value, str) and value in options:
            return value
        wanted = ", ".join(options[:-1]) + f" or {options[-1]}"
        raise UserError(f"{given}: wanted {wanted}{did_you_mean(str(value), options)}")
    if kind is str:
        if isinstance(value, str):
            return value
        raise UserError(f"{given}: wanted text")
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise UserError(f"{given}: wanted true or false")
    wanted = ("a whole number " if kind is int else "a number ") + str(limits or "")
    number = isinstance(value, int if kind is int else (int, float)) and not isinstance(
        value, bool
    )
    if not number or abs(value) > 2**63 or not math.isfinite(value):  # type: ignore[arg-type, operator]
        raise UserError(f"{given}: wanted {wanted.strip()}")
    if limits is not None and not limits.holds(value):
        raise UserError(f"{given}: wanted {wanted.strip()}")
    return kind(value)


S = TypeVar("S", bound=Section)


def flatten(config: Section, prefix: str = "") -> dict[str, Any]:
    """Return every setting under its dotted key, in the order of the definitions."""
    return dict(_flat(config.to_dict(), prefix))


def _flat(nested: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _unflatten(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, name = key.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return nested


def changed(config: Section, preset: Section) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ from a preset: key -> (preset's value, this value)."""
    before, now = flatten(preset), flatten(config)
    return {key: (before.get(key), now[key]) for key in now if now[key] != before.get(key)}


def _literal(text: str, old: object) -> object:
    """Read what was typed after the equals sign; text stays text where text is wanted."""
    if isinstance(old, str):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
        return text[1:-1] if quoted else text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text[:200])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _suggest(key: str, keys: Iterable[str]) -> str:
    """Return a hint for an unknown key: the same last part elsewhere, else the closest."""
    keys = list(keys)
    *sections, name = key.split(".")
    name = OTHER_NAMES.get(name, name)
    same = [k for k in keys if k.split(".")[-1] == name]
    same = [k for k in same if sections and k.split(".")[0] == sections[0]] or same
    if same:
        return f"; did you mean {' or '.join(same)}?"
    last_parts = {k.split(".")[-1]: k for k in reversed(keys)}
    guess = closest(key, keys) or last_parts.get(closest(name, last_parts))
    groups = dict.fromkeys(k.split(".")[0] for k in keys)
    return f"; did you mean {guess}?" if guess else f"; they begin with {', '.join(groups)}"


def override(config: S, assignments: Iterable[str]) -> S:
    """Return the configuration with "a.b=value" assignments applied, all at once.

    All at once, because two settings may only be right together. What a setting brings along
    is set as well, where it is not assigned itself.

    Raises: UserError for an unknown key, a wrong type, a value out of range, or one that
    would be ignored.
    """
    flat, assigned = flatten(config), {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        inside = [k for k in flat if k.startswith(key + ".")]
        if inside and key not in flat:
            raise UserError(
                f"--set {shorten(assignment)}: {key} is a group; set {inside[0]}=..."
            )
        if key not in flat:
            hint = _suggest(key, flat)
            raise UserError(
                f"--set {shorten(assignment)}: there is no setting {shorten(key)}{hint}"
            )
        if not equals or not text.strip():
            raise UserError(f"--set {shorten(assignment)}: wanted --set {key}={flat[key]}")
        assigned[key] = _literal(text.strip(), flat[key])
    made = type(config).from_dict(_unflatten(flat | _brought(config, assigned) | assigned))
    for section, key, name in _owners(made, assigned):
        if name in section.without_use():
            raise UserError(
                f"--set {key}=…: the other settings leave it without effect; omit it"
            )
    return made


def _owners(config: Section, keys: Iterable[str]) -> Iterator[tuple[Section, str, str]]:
    """Find the section of each dotted key, and the key's last part."""
    for key in keys:
        *sections, name = key.split(".")
        yield reduce(getattr, sections, config), key, name


def _brought(config: Section, assigned: Mapping[str, object]) -> dict[str, Any]:
    """Return what assignments bring along, under dotted keys."""
    return {
        section.key(other): value
        for section, key, name in _owners(config, assigned)
        for other, value in section.brings(name, assigned[key]).items()
    }
