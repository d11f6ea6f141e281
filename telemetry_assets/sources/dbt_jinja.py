"""The little jinja that dbt allows in YAML: ``env_var``, ``var`` and ``target``, rendered without dbt.

What belongs here: one string → one string. What does not: macros, ``ref`` and anything that needs dbt's own context;
a value that asks for them is refused with the way out (``dbt parse``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from telemetry_assets.errors import ConfigError

type Environment = Callable[[str], str | None]

_SIMPLE = re.compile(
    r"""\{\{-?\s*(?P<call>env_var|var)\(\s*(?P<q>['"])(?P<name>[^'"]+)(?P=q)\s*"""
    r"""(?:,\s*(?:(?P<dq>['"])(?P<default>[^'"]*)(?P=dq)|(?P<bare>[\w.+-]+))\s*)?\)\s*"""
    r"""(?:\|\s*(?:int|as_number|as_bool|as_text|as_native|string|trim)\s*)?-?\}\}"""
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a value may ask for: the environment, the project's ``vars:``, and the target when a profile was read.

    ``this`` is the relation of a ``loaded_at_query``, already quoted.
    """

    environment: Environment
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    target: Mapping[str, Any] | None = None
    this: str | None = None


def render(value: Any, context: Context, where: str) -> Any:
    """A string with its jinja resolved; anything else unchanged. Raises ConfigError naming ``where``.

    ``env_var('A')`` and ``var('a', 'b')`` alone, by far the most of what people write, never import jinja2.
    """
    if not isinstance(value, str) or ("{{" not in value and "{%" not in value):
        return value
    simple = _SIMPLE.sub(lambda found: _simple(found, context, where), value)
    if "{{" not in simple and "{%" not in simple:
        return simple
    return _full(value, context, where)


def _simple(found: re.Match[str], context: Context, where: str) -> str:
    default = found["default"] if found["dq"] else found["bare"]
    lookup = _env_var if found["call"] == "env_var" else _var
    return str(lookup(found["name"], default, context, where))


def _env_var(name: str, default: Any, context: Context, where: str) -> Any:
    value = context.environment(name)
    if value is not None:
        return value
    if default is None:
        raise ConfigError(f"{where} asks for the environment variable {name}, which is not set.", f"Export {name}.")
    return default


def _var(name: str, default: Any, context: Context, where: str) -> Any:
    if name in context.variables:
        return context.variables[name]
    if default is None:
        raise ConfigError(
            f"{where} asks for var('{name}'), which dbt_project.yml does not set.",
            "Set it under `vars:`, or run `dbt parse --vars …` and scan again.",
        )
    return default


def _full(text: str, context: Context, where: str) -> str:
    """Everything else of jinja, in a sandbox, with dbt's filters that make sense here."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    engine = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    for name in ("as_text", "as_bool", "as_number", "as_native"):
        engine.filters[name] = str
    names: dict[str, Any] = {
        "env_var": lambda name, default=None: _env_var(name, default, context, where),
        "var": lambda name, default=None: _var(name, default, context, where),
    }
    if context.target is not None:
        names["target"] = context.target
    if context.this is not None:
        names["this"] = context.this
    try:
        return engine.from_string(text).render(names)
    except (TemplateError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"{where} has jinja that only dbt can resolve: {text.strip()!r} ({error}).",
            "Run `dbt parse`, then scan again: the manifest has it resolved.",
        ) from None
