"""Directives and roles of Sphinx and other extensions of docutils."""

from __future__ import annotations

from typing import Any

_CODE_DIRECTIVES = frozenset(
    (
        "code-block",
        "sourcecode",
        "highlight",
        "literalinclude",
        "ipython",
        "jupyter-execute",
        "plot",
        "doctest",
        "testcode",
    )
)
_UNSHOWN_ARGUMENTS = frozenset(("only", "tab-set", "grid", "ifconfig"))
_DRAWING_DIRECTIVES = frozenset(("graphviz", "digraph", "graph", "mermaid", "uml", "inheritance-diagram"))
DRAWING = "lectern-drawing"
"""Class of the node in the place of a drawing."""
_SILENT_DIRECTIVES = frozenset(
    (
        "toctree",
        "index",
        "autosummary",
        "automodule",
        "autoclass",
        "autofunction",
        "tabularcolumns",
        "currentmodule",
    )
)


def with_unknown_names() -> None:
    """Let docutils keep the content of directives and roles that it does not know.

    Source: `CustomReSTDispatcher` of Sphinx replaces the same two functions.
    """
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles
    from docutils.statemachine import StringList

    if getattr(directives.directive, "keeps_unknown", False):
        return
    plain_directive, plain_role = directives.directive, roles.role

    class Unknown(Directive):  # type: ignore[misc]
        """A directive of an extension: its argument and its content are kept."""

        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = _AnyOption()

        def run(self) -> list[Any]:
            """Return the content as if it had been written without the directive."""
            box = nodes.container()
            if self.name in _DRAWING_DIRECTIVES:
                box["classes"].append(DRAWING)
                box.line = self.lineno
                return [box]
            if self.name in _SILENT_DIRECTIVES:
                return []
            if self.name in _CODE_DIRECTIVES:
                return [*captioned(self), nodes.literal_block("", "\n".join(self.content))]
            argument = "".join(self.arguments)
            if "\n" in argument and not self.content:  # its content, without the blank line before it
                self.state.nested_parse(StringList(argument.split("\n"), ""), self.content_offset, box)
            elif self.name not in _UNSHOWN_ARGUMENTS and (self.content or " " in argument or "(" in argument):
                box += nodes.paragraph("", argument)
                box.children[0].line = self.lineno
            self.state.nested_parse(self.content, self.content_offset, box)
            return list(box.children)

    def captioned(directive: Any) -> list[Any]:
        """Return the caption of a listing as a paragraph."""
        caption = " ".join(str(directive.options.get("caption") or "").split())
        return [nodes.paragraph("", caption)] if caption else []

    def directive(name: str, language: Any, document: Any) -> tuple[Any, list[Any]]:
        found, messages = plain_directive(name, language, document)
        if found is None:
            return Unknown, []
        if options := getattr(found, "option_spec", None):
            made: Any = type(found.__name__, (found,), {"option_spec": _AnyOption(options)})
            if name in _CODE_DIRECTIVES | {"code"}:
                plain_run = made.run
                made.run = lambda self: [*captioned(self), *plain_run(self)]
            return made, messages
        return found, messages

    def role(name: str, language: Any, line: int, reporter: Any) -> tuple[Any, list[Any]]:
        found, messages = plain_role(name, language, line, reporter)
        return (found, messages) if found is not None else (_role, [])

    def _role(name: str, rawtext: str, text: str, *_: Any) -> tuple[list[Any], list[Any]]:
        words = text.partition("<")[0].strip() if text.endswith(">") and "<" in text else text.lstrip("~!")
        return [nodes.inline(rawtext, words or text)], []

    directive.keeps_unknown = True  # type: ignore[attr-defined]
    directives.directive = directive
    roles.role = role


class _AnyOption(dict[str, Any]):
    """Options of any name; unknown ones are ignored."""

    def __missing__(self, name: str) -> Any:
        return lambda value: value

    def __bool__(self) -> bool:
        return True
