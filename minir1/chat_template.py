"""What text does a chat template make of a list of messages?

Templates are small programs in Jinja that come with a model, so they are strangers' code:
they run in Jinja's immutable sandbox, and their output is bounded. The helpers that they
may call are those of transformers, under the same names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from minir1.errors import UserError, shorten

LONGEST_OUTPUT = 2**22  # characters of a rendered chat


def render(
    template: str, messages: Sequence[Mapping[str, str]], names: Mapping[str, Any]
) -> str:
    """Render a chat; `names` are what else the template may read.

    Raises: UserError if the template is no Jinja, refuses the messages or runs wild.
    """
    environment = _environment()
    plain = [dict(message) for message in messages]
    pieces, length = [], 0
    try:
        program = environment.from_string(template)
        for piece in program.generate(messages=plain, tools=None, documents=None, **names):
            pieces.append(piece)
            length += len(piece)
            if length > LONGEST_OUTPUT:
                raise ValueError(f"more than {LONGEST_OUTPUT:,} characters")
    except Exception as error:  # whatever a stranger's program raises
        raise UserError(f"the chat template failed: {shorten(error, 200)}") from error
    return "".join(pieces)


def _environment() -> Any:
    """Return the sandbox, with the helpers that templates expect."""
    try:
        from jinja2.ext import Extension
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise UserError("chat templates need a package: pip install jinja2") from error

    class Generation(Extension):
        """{% generation %} marks what the assistant says; rendering passes it through."""

        tags = {"generation"}  # noqa: RUF012 (Jinja's own name and type)

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda format: datetime.now().strftime(format)
    return environment


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Write JSON without Jinja's escapes for HTML."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _refuse(message: str) -> None:
    """Let a template refuse the messages that it is given."""
    raise ValueError(message)
