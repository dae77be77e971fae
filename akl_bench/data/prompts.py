"""Prompts: a Jinja template over a record, in which an unknown name is an error."""

import jinja2
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from akl_bench.data.records import Record
from akl_bench.errors import UsageError


class Prompt:
    """A compiled prompt template.

    Raises:
        UsageError: The template does not parse, or names something that a record does not have.
    """

    def __init__(self, template: str):
        environment = ImmutableSandboxedEnvironment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
        )
        try:
            names = meta.find_undeclared_variables(environment.parse(template))
            self._template = environment.from_string(template)
        except jinja2.TemplateError as error:
            raise UsageError(f"prompt: {error}.") from error
        for name in sorted(names - {"instruction", "input"}):
            raise UsageError(f"prompt: unknown name {name}; use instruction and input.")
        for example in ("", "x"):
            self.render(Record("example", "x", example, ()))

    def render(self, record: Record) -> str:
        """The text that the model is given for a record.

        Raises:
            UsageError: The template fails on this record.
        """
        try:
            return self._template.render(instruction=record.instruction, input=record.input)
        except Exception as error:  # an expression of a template can fail in any way
            raise UsageError(f"prompt: record {record.id!r}: {error}.") from error
