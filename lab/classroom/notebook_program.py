"""How does what a learner defined in a notebook become a program? Its last definitions go into a file."""

import ast
import symtable
from collections.abc import Iterator, Sequence
from pathlib import Path

from IPython.core.getipython import get_ipython

from lab.errors import LabError

DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


def write_program(path: str | Path, code: str) -> Path:
    """Write a program that runs `code`, with all that it needs of the notebook's cells, as they were run.

    These are imports, functions, classes and variables, each as it was defined last, and what they need
    themselves. Returns the path. Raises LabError outside a notebook.
    """
    notebook = get_ipython()
    if notebook is None:
        raise LabError("write_program takes the definitions of a notebook: call it in a cell of one.")
    path = Path(path)
    path.write_text(program(notebook.user_ns["In"], code), encoding="utf-8")
    return path


def program(cells: Sequence[str], code: str) -> str:
    """The text of that program. `cells` is the code of the cells as they were run, the oldest first."""
    defined: dict[str, str] = {}
    always = ""
    for statement in _definitions(cells):
        text = ast.unparse(statement)
        if text.endswith(" import *"):  # it does not say which names it binds
            always += f"{text}\n"
        defined |= dict.fromkeys(_names(text)[0], text)
    return always + "\n\n".join([*_needed(code, defined), code]) + "\n"


def _definitions(cells: Sequence[str]) -> Iterator[ast.stmt]:
    for cell in cells:
        try:
            statements = ast.parse(cell).body
        except SyntaxError:  # that cell did not run
            continue
        for statement in statements:
            if isinstance(
                statement, ast.Import
            ):  # one name each, so that the program loads only what it needs
                yield from (ast.Import([name]) for name in statement.names)
            elif isinstance(statement, ast.ImportFrom):
                yield from (
                    ast.ImportFrom(statement.module, [name], statement.level) for name in statement.names
                )
            elif isinstance(statement, DEFINITION):
                yield statement


def _needed(code: str, defined: dict[str, str]) -> list[str]:
    """The definitions that `code` needs, each behind those that it needs itself."""
    found: dict[str, None] = {}
    begun: set[str] = set()

    def add(text: str) -> None:
        for name in sorted(_names(text)[1]):
            needed = defined.get(name)
            if needed and needed not in begun:
                begun.add(needed)
                add(needed)
                found[needed] = None

    add(code)
    return list(found)


def _names(code: str) -> tuple[set[str], set[str]]:
    """The names that it binds at the top, and those that it takes from there, also within its functions."""
    top = symtable.symtable(code, "<cell>", "exec")
    bound = {
        each.get_name()
        for each in top.get_symbols()
        if each.is_assigned() or each.is_imported() or each.is_namespace()
    }
    used: set[str] = set()
    tables = [top]
    for table in tables:
        tables += table.get_children()
        used |= {
            each.get_name()
            for each in table.get_symbols()
            if each.is_referenced() and (table is top or each.is_global())
        }
    return bound, used
