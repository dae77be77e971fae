"""Prompts: a Jinja template over a record, in which an unknown name is an error."""

import jinja2
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
            self._template = environment.from_string(template)
            self._template.render(instruction="x", input="")
        except jinja2.TemplateError as error:
            raise UsageError(
                f"prompt: {error}. A template may use instruction and input."
            ) from error

    def render(self, record: Record) -> str:
        """The text that the model is given for a record."""
        return self._template.render(instruction=record.instruction, input=record.input)
