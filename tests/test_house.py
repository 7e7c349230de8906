"""The rules of the house: the door, the arrows, the notebooks and the README agree with the code."""

import ast
import graphlib
import inspect
import itertools
import re
import shlex
from functools import cache
from pathlib import Path

import click
import nbformat
import pytest

import lab
from lab.classroom.exercises.exercise import SOLUTIONS
from lab.cli.program import COMMANDS
from lab.settings import Settings
from tests.support.answers import LESSONS, answers_of
from tests.support.commands import command_names, find, parse

KIT = Path(__file__).parent.parent
MODULES = [path for path in sorted((KIT / "lab").rglob("*.py")) if path.parent != SOLUTIONS]
# Without those that `notebook restore` keeps.
NOTEBOOKS = sorted(path for path in (KIT / "notebooks").glob("*.ipynb") if "-" not in path.stem)
README = (KIT / "README.md").read_text(encoding="utf-8")
TEACHING = (KIT / "TEACHING.md").read_text(encoding="utf-8")
START = (KIT / "start.py").read_text(encoding="utf-8")
CHEAT_SHEET = (KIT / "docs" / "cheat_sheet.md").read_text(encoding="utf-8")
OURS = [*sorted((KIT / "tests").rglob("*.py")), *sorted((KIT / "benchmarks").glob("*.py"))]
CODE = [*MODULES, KIT / "start.py", KIT / "conftest.py", *OURS]
# {lesson: (its question, its minutes)}; an appendix may be missing where a teacher has a plan.
ROWS = {
    name: (question, minutes)
    for name, question, minutes in re.findall(
        r"^\| \[(\w+)\]\(notebooks/.+?\) \| (.+) \| (\d+) \|$", README, re.MULTILINE
    )
}
APPENDICES = {name for name, (question, _) in ROWS.items() if question.startswith("an appendix: ")}
MARKDOWN_LINK = re.compile(r"\[([^]]*?(\d\d)[^]]*)\]\((.+?\.ipynb)\)")
HTML_LINK = re.compile(r'<a href="(.+?\.ipynb)">([^<]*?(\d\d)[^<]*)</a>')
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All that is in a module: many tests look through it."""
    return list(ast.walk(tree(path)))


@cache
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook(path).cells if cell.cell_type == kind]


def no_fault(found: dict[Path, list[str]]) -> bool:
    """Whether no file has a fault; else each is shown with its own.

    One test for all files: two thousand tests of one file each cost seconds in every quick round.
    """
    faults = {path.relative_to(KIT).as_posix(): each for path, each in found.items() if each}
    assert faults == {}
    return True


def is_exercise(cell: nbformat.NotebookNode) -> bool:
    return "# Your code here" in cell.source


# The door.


@pytest.mark.parametrize("name", lab.__all__)
def test_what_the_door_gives_is_explained_and_used_in_a_lesson(name):
    thing = getattr(lab, name)
    assert inspect.getdoc(thing) or not callable(thing)
    used = re.compile(rf"\b{name}\b")
    assert any(used.search(cell.source) for path in NOTEBOOKS for cell in cells(path, "code"))


def test_every_public_thing_says_what_it_is():
    unsaid = {path: [name for name, docstring in public_of(tree(path)) if not docstring] for path in MODULES}
    assert no_fault(unsaid)


def public_of(module: ast.Module) -> list[tuple[str, str | None]]:
    """The name and the docstring of the module, and of what it offers to others."""
    definitions = (ast.ClassDef, ast.FunctionDef)
    public = [node for node in module.body if isinstance(node, definitions) and node.name[0] != "_"]
    for node in list(public):
        if isinstance(node, ast.ClassDef) and not is_protocol(node):
            public += [x for x in node.body if isinstance(x, ast.FunctionDef) and x.name[0] != "_"]
    return [
        ("the module", ast.get_docstring(module)),
        *((node.name, ast.get_docstring(node)) for node in public),
    ]


def is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


# The rooms and the arrows.

LAB = KIT / "lab"
PIPELINE = {
    "errors", "settings", "readings", "simulation", "topics", "producer", "consumer", "warehouse", "charts",
    "dead_letters",
}  # fmt: skip
DOOR = {"__init__", "__main__"}
SERVING = {"cli", "watching", "classroom", "neighbours"}  # they use the pipeline, and it does not know them
MAX_PIPELINE_LINES, MAX_CONSUMER_LINES, MAX_CLASS_LINES, MAX_FUNCTION_LINES = 1500, 250, 150, 40


def place(path: Path) -> str:
    """The module of the pipeline, or the room, that a file of `lab` belongs to."""
    first = path.relative_to(LAB).parts[0]
    return first.removesuffix(".py")


@cache
def arrows() -> dict[str, set[str]]:
    """{module or room: what it imports of `lab`, also in its functions}; without the door."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        imports = (node for node in nodes(path) if isinstance(node, ast.ImportFrom))
        names = {str(node.module).split(".")[1] for node in imports if str(node.module).startswith("lab.")}
        found[place(path)] = found.get(place(path), set()) | names - {place(path)}
    return {name: found[name] for name in found.keys() - DOOR}


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_pipeline_stands_alone_and_is_small():
    """Directly in `lab` is the pipeline and its door. What serves it has a room."""
    top = list(LAB.glob("*.py"))
    assert {path.stem for path in top} == PIPELINE | DOOR
    sizes = {path.stem: lines(path) for path in top}
    assert sum(sizes.values()) <= MAX_PIPELINE_LINES, sizes
    assert sizes["consumer"] <= MAX_CONSUMER_LINES


def test_a_class_fits_on_a_few_screens_and_a_function_on_one():
    assert no_fault({path: too_long(path) for path in MODULES}), "make two of it"


def too_long(path: Path) -> list[str]:
    """Its classes and functions with too many lines."""
    found = []
    for node in nodes(path):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            most = MAX_CLASS_LINES if isinstance(node, ast.ClassDef) else MAX_FUNCTION_LINES
            size = (node.end_lineno or 0) - node.lineno + 1
            found += [f"{node.name} has {size} lines"] if size > most else []
    return found


def test_the_pipeline_does_not_know_what_serves_it():
    known = {name: found & SERVING for name, found in arrows().items() if name not in SERVING}
    assert not any(known.values()), known


def test_no_arrow_goes_round():
    list(graphlib.TopologicalSorter(arrows()).static_order())


def test_the_readme_draws_the_arrows_that_are_there():
    """A module or room that imports another, or is new: its row in the README's tables says so."""
    rows = re.findall(r"^\| `(\w+)` \| .+\? \| (.*?) ?\|$", README, re.MULTILINE)
    assert {name: set(filter(None, found.split(", "))) for name, found in rows} == arrows()


def test_the_drawing_of_the_rooms_is_true():
    """Each line of it knows its own and those below, and nothing above."""
    drawn = re.search(r"```\n(use the pipeline .+?)```", README, re.DOTALL)
    assert drawn, "README.md, How the code is laid out: the drawing begins with 'use the pipeline'"
    layers = [line[20:].split() for line in drawn[1].splitlines()]
    rank = {name: number for number, names in enumerate(layers) for name in names}
    assert rank.keys() == arrows().keys()
    upward = {(a, b) for a, found in arrows().items() for b in found if rank[b] < rank[a]}
    assert upward == set()


def test_no_stage_knows_another():
    stages = {"topics", "producer", "consumer", "warehouse", "settings"}
    for name in stages:
        assert not arrows()[name] & stages, name


# The notebooks.


@by_name
def test_a_lesson_is_in_the_readme(path):
    row = f"| [{path.stem}](notebooks/{path.name}) | what is ...? | 15 |"
    assert path.stem in ROWS, f"README.md, The lessons: a row such as {row}"


def test_the_overview_lists_the_lessons_as_the_readme_does():
    overview = "\n".join(cell.source for cell in cells(NOTEBOOKS[0], "markdown"))
    listed = re.findall(r"^\| \[(\d\d_\w+)\]\(\1\.ipynb\) \| (.+) \|$", overview, re.MULTILINE)
    said = [(name, question) for name, (question, _) in ROWS.items() if name != NOTEBOOKS[0].stem]
    assert listed == said, "the table at the end of 00_overview.ipynb, and that of README.md"


@pytest.mark.parametrize(
    ("path", "following"), list(itertools.pairwise(NOTEBOOKS)), ids=[path.stem for path in NOTEBOOKS[:-1]]
)
def test_a_lesson_leads_to_the_next(path, following):
    last = notebook(path).cells[-1].source
    link = f"[{following.stem}]({following.name})"
    assert link in last, f"the last cell: Next question: ...? Go on with {link}."


@by_name
def test_a_lesson_links_to_the_lessons_that_it_names(path):
    names = {lesson.stem[:2]: lesson.name for lesson in NOTEBOOKS}
    for cell in cells(path, "markdown"):
        # In <details> Markdown is not read: a link there is <a href="...">.
        bare = re.findall(r"(?<!\[)(?<!>)\b[Ll]esson (\d\d)\b", cell.source)
        links = [f"[lesson {number}]({names.get(number)})" for number in bare if number != path.stem[:2]]
        assert links == [], f"write {links[0]} in:\n{cell.source}"
        assert not re.search(r"`\d\d_\w+\.ipynb`", cell.source), f"a link, no backticks:\n{cell.source}"
        assert not re.search(r"<details>.*\]\(", cell.source), f'<a href="..."> in:\n{cell.source}'
        html = [(said, number, target) for target, said, number in HTML_LINK.findall(cell.source)]
        for said, number, target in [*MARKDOWN_LINK.findall(cell.source), *html]:
            assert target == names.get(number), f"{said} is {names.get(number)}:\n{cell.source}"


@by_name
def test_a_lesson_opens_with_its_question_and_closes_with_what_was_learnt(path):
    first, last = notebook(path).cells[0].source, notebook(path).cells[-1].source
    minutes = re.search(r"About (\d+) minutes", first)
    asked = re.search(r"^\*\*(.+\?)\*\*$", first, re.MULTILINE)
    assert re.match(rf"# {path.stem[:2]} ", first), f"its first line is: # {path.stem[:2]} and the title"
    assert asked, "in its first cell, on a line of its own: **The question?**"
    assert minutes, "in its first cell: About 15 minutes. You need: lesson ..."
    assert path.stem in ROWS, "no row of it in README.md, The lessons"
    question, told = ROWS[path.stem]
    assert asked[1].lower() == question.removeprefix("an appendix: ").lower(), "as in README.md"
    assert minutes[1] == told, "as in README.md"
    assert "**In this notebook we:**" in last and last.count("\n- ") == 3, "the last cell: three points"


@by_name
def test_a_lesson_asks_first_and_shows_then(path):
    """A prediction: a cell with `guess = ...`; a later one ends with `compare(guess, what was found)`."""
    code = [cell.source for cell in cells(path, "code")]
    asked = [n for n, source in enumerate(code) if re.search(r"^guess = \.\.\.", source, re.MULTILINE)]
    shown = [n for n, source in enumerate(code) if source.splitlines()[-1].startswith("compare(guess, ")]
    assert len(asked) == len(shown) >= 3, (
        f"{len(asked)} cells with 'guess = ...', {len(shown)} that compare it"
    )
    assert all(a < b for a, b in zip(asked, shown)), "first ask, then show"


@by_name
def test_a_lesson_says_what_it_teaches_and_asks_for_what_is_known(path):
    first = notebook(path).cells[1].source if notebook(path).cells[1].cell_type == "markdown" else ""
    assert "After this lesson you can:" in first and first.count("\n- ") >= 2, "the second cell: a list"
    questions = re.findall(
        r"^- <details><summary>.+\?.*</summary>.+</details>$", all_text(path), re.MULTILINE
    )
    remember = "**Do you remember?** and - <details><summary>question?</summary>answer</details>"
    assert len(questions) >= 2 or path == NOTEBOOKS[0], f"two or three of earlier lessons: {remember}"
    # A click on a link in <summary> leads away: it does not open the answer.
    leads_away = re.findall(r"<summary>.*<a .*</summary>", all_text(path))
    assert leads_away == [], "the link is in the answer: </summary>The answer. See <a href=...>lesson 03</a>."


def all_text(path: Path) -> str:
    return "\n".join(cell.source for cell in cells(path, "markdown"))


@by_name
def test_a_lesson_is_stored_without_what_a_run_leaves(path):
    clean = "In JupyterLab: Edit > Clear Outputs of All Cells, then save"
    assert all(not cell.outputs and cell.execution_count is None for cell in cells(path, "code")), clean
    assert set(notebook(path).metadata) <= {"kernelspec", "language_info"}, "nothing else in its metadata"
    assert notebook(path).metadata.kernelspec.name == "python3", "kernel: Python 3"


@by_name
def test_a_lesson_has_small_cells(path):
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= 12, f"more than 12 lines:\n{cell.source}"
        defines = any(isinstance(x, ast.FunctionDef | ast.ClassDef) for x in ast.walk(ast.parse(cell.source)))
        assert is_exercise(cell) or not defines, f"def and class stand in exercises only:\n{cell.source}"
    long = [cell.source for cell in prose(path) if len(cell.source.split()) > 65]
    assert long == [], f"more than 65 words in a cell of text; make two of it:\n{long}"


def prose(path: Path) -> list[nbformat.NotebookNode]:
    """The cells that are plain text: no table, no list."""
    return [cell for cell in cells(path, "markdown") if not re.search(r"^[|-]", cell.source, re.MULTILINE)]


@by_name
def test_a_lesson_takes_the_kit_through_its_door(path):
    for cell in cells(path, "code"):
        assert not re.search(r"(from|import) lab\.", cell.source), f"from lab import ...:\n{cell.source}"


GLOSSARY = (KIT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS = re.findall(r"^\| ([^|]+) \| .+ \| \[\d\d\]\(\.\./notebooks/\w+\.ipynb\) \|$", GLOSSARY, re.MULTILINE)


@by_name
def test_each_word_in_italics_is_in_the_glossary(path):
    """Italics are for terms alone: a menu of JupyterLab is bold, a column or a name is in backticks."""
    text = "\n".join(re.sub(r"`[^`]*`", "", cell.source) for cell in cells(path, "markdown"))
    terms = re.findall(r"(?<![*\w])\*([^*\n]+)\*(?![*\w])", text)
    known = {word.lower() for word in WORDS} | {f"{word.lower()}s" for word in WORDS}
    unknown = [term for term in terms if term.lower() not in known]
    row = f"| {unknown and unknown[0]} | what it is. | [{path.stem[:2]}](../notebooks/{path.name}) |"
    assert unknown == [], f"docs/glossary.md: {row}; or no italics"


def test_the_glossary_is_in_order():
    rows = [line for line in GLOSSARY.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(WORDS), "a row is: | word | what it is. | [03](../notebooks/03_producer.ipynb) |"
    assert sorted(set(WORDS), key=str.lower) == WORDS


@by_name
def test_what_a_lesson_starts_is_known_to_the_kit(path):
    """Or it would be left running when the notebook is gone."""
    known = "start_program, start_own_broker, start_secured_broker or end_with_notebook, from lab"
    for cell in cells(path, "code"):
        assert not re.search(
            r"\bPopen\b|\bsubprocess\.(run|call|check)|\b(Embedded|Secured)Broker\b", cell.source
        ), known


@by_name
def test_a_lesson_never_deletes_a_topic(path):
    """On Windows Kafka cannot remove the files of one, and stops."""
    assert not any("delete_topics" in cell.source for cell in cells(path, "code"))


PAGES = [*NOTEBOOKS, *KIT.glob("*.md"), *(KIT / "docs").glob("*.md")]
PICTURES = sorted((KIT / "notebooks" / "pictures").iterdir())


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_each_picture_is_used_by_a_lesson_or_a_page(picture):
    shown = f"pictures/{picture.name})"
    assert any(shown in page.read_text(encoding="utf-8") for page in PAGES), "use it, or remove it"


@by_name
def test_each_picture_of_a_lesson_is_there(path):
    shown = re.findall(r"!\[[^]]*\]\((.+?)\)", all_text(path))
    assert [name for name in shown if not (path.parent / name).is_file()] == []


def checks_of(path: Path) -> list[str]:
    """The numbers of its exercises, in their order."""
    number = re.compile(r'^check\("([\d.]+)"', re.MULTILINE)
    return [found for cell in cells(path, "code") for found in number.findall(cell.source)]


@pytest.mark.parametrize("path", NOTEBOOKS[2:], ids=[path.stem for path in NOTEBOOKS[2:]])
def test_a_lesson_has_two_exercises(path):
    found = checks_of(path)
    assert found == [f"{path.stem[:2]}.{n + 1}" for n in range(len(found))], "numbered as they come"
    assert len(found) >= 2, 'two cells, at least, with check("...") at the start of a line'


@by_name
def test_the_check_stands_right_under_the_cell_of_the_learner(path):
    for cell, following in itertools.pairwise([*notebook(path).cells, None]):
        if is_exercise(cell):
            assert following and re.search(r"^check\(", following.source, re.MULTILINE), cell.source


@by_name
def test_a_lesson_shows_no_solution(path):
    """Not a line of it that says anything."""
    given = {line.strip() for cell in cells(path, "code") for line in cell.source.splitlines()}
    for number in checks_of(path):
        lines = (SOLUTIONS / f"{number}.py").read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.strip() not in given], f"{number}: all of it is in the lesson"


def test_every_exercise_has_a_solution_and_answers():
    numbers = [number for path in NOTEBOOKS for number in checks_of(path)]
    solutions = sorted(path.stem for path in SOLUTIONS.glob("*.py"))
    assert solutions == numbers, "lab/classroom/exercises/solutions"
    assert sorted(n for lesson in LESSONS for n in answers_of(lesson)) == numbers, "tests/support/answers"


# The teacher's page.


def test_an_agenda_gives_each_lesson_its_minutes():
    agenda = re.findall(r"^\| [\d:]+ \| (\d+) \| (\d\d_\w+)", TEACHING, re.MULTILINE)
    why = "TEACHING.md, Two agendas; or in README.md its question begins with 'an appendix: '"
    assert {name for _, name in agenda} == ROWS.keys() - APPENDICES, why
    assert [(name, given) for given, name in agenda if given != ROWS[name][1]] == [], "as in README.md"


def test_the_teacher_is_told_when_an_appendix_is_for():
    assert [name for name in APPENDICES if name not in TEACHING] == [], "TEACHING.md, below the agendas"


def test_an_agenda_has_no_gap_and_no_overlap():
    rows = re.findall(r"^\| (\d+):(\d\d) \| (\d+) \|", TEACHING, re.MULTILINE)
    times = [(60 * int(hour) + int(minute), int(minutes)) for hour, minute, minutes in rows]
    begins = {60 * 9, 60 * 14}  # a day, and after lunch
    assert [a for a, b in itertools.pairwise(times) if sum(a) != b[0] and b[0] not in begins] == []


def test_the_teacher_has_something_to_say_to_each_lesson():
    told = re.findall(r"^\| (\d\d) \| .+ \| .+ \| .+ \|$", TEACHING, re.MULTILINE)
    lessons = [path.stem[:2] for path in NOTEBOOKS if path.stem not in APPENDICES]
    assert told == lessons, "TEACHING.md, Lesson by lesson: | 03 | say | people get stuck | the way out |"


# The page to print.

CALLS = re.findall(r"^\| `(\w+(?:\.\w+)?\(.+?\))` \|", CHEAT_SHEET, re.MULTILINE)
CALLS_OF_TEACHERS = re.findall(r"`(\w+\([^`]+\))`", TEACHING)


def test_the_cheat_sheet_is_one_page():
    lines = CHEAT_SHEET.splitlines()
    assert len(lines) <= 60 and max(map(len, lines)) <= 120


@pytest.mark.parametrize("call", sorted({*CALLS, *CALLS_OF_TEACHERS}))
def test_a_page_calls_what_is_there(call):
    """Each name is one of the door, and takes what it is given."""
    for node in (node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call)):
        owner, _, method = ast.unparse(node.func).partition(".")
        assert owner in lab.__all__
        thing = getattr(lab, owner)
        names = {keyword.arg: None for keyword in node.keywords if keyword.arg}
        inspect.signature(getattr(thing, method) if method else thing).bind(*node.args, **names)


def test_the_cheat_sheet_names_the_commands_of_the_start():
    said = set(re.findall(r"python3 start\.py (\w+)", CHEAT_SHEET))
    assert (
        len(CALLS) >= 10
        and len(CALLS_OF_TEACHERS) >= 3
        and said
        and said <= set(re.findall(r"^    \"(\w+)\": ", START, re.MULTILINE))
    )


# The README and the code.


def commands_of(text: str) -> list[str]:
    return re.findall(r"python -m lab ([^`\n]+)", text)


@pytest.mark.parametrize("command", sorted(set(commands_of(README + TEACHING + CHEAT_SHEET))))
def test_the_program_has_each_command_of_the_readme(command):
    parse(shlex.split(command.split(" in one")[0]))


def test_the_program_has_each_command_that_is_advised():
    advised = {path: commands_of(path.read_text(encoding="utf-8")) for path in [*NOTEBOOKS, *MODULES]}
    assert no_fault(
        {path: [each for each in found if not is_command(each)] for path, found in advised.items()}
    )


def is_command(text: str) -> bool:
    """Whether it begins with a command of the program, or names none."""
    words = re.match(r"[a-z -]+", text)
    first = words[0].split()[0] if words and words[0].split() else None
    return first in COMMANDS or first is None or text.startswith("--")


def test_every_command_is_in_the_readme():
    found = {command.split()[0] for command in commands_of(README)}
    assert COMMANDS.keys() == {name for name in found if not name.startswith("--")}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_itself(name):
    assert find(name).get_short_help_str(limit=200) == COMMANDS[name]


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_help_with_an_example_that_can_be_typed(name):
    shown = find(name).get_help(click.Context(find(name), info_name=f"python -m lab {name}"))
    example = re.search(rf"^Example: python -m lab ({name}.*)$", shown, re.MULTILINE)
    assert example, shown
    assert parse(shlex.split(example[1])).command is find(name)
    assert max(map(len, shown.splitlines())) <= 80


def test_every_option_of_produce_and_consume_is_in_the_readme():
    for name in ("produce", "consume"):
        for option in find(name).params:
            assert option.opts[-1] in README, f"{name} {option.opts[-1]}"


def test_every_setting_is_in_the_readme_with_its_default():
    for name, default in vars(Settings()).items():
        assert f"`LAB_{name.upper()}`" in README
        if default and name != "security_protocol":
            assert f"`LAB_{name.upper()}` | `{default}`" in README


def test_every_file_is_opened_with_its_encoding_named():
    """Or on Windows it would be read in another one."""
    for path in CODE:
        for call in (node for node in nodes(path) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name not in ("open", "read_text", "write_text"):
                continue
            given = {keyword.arg for keyword in call.keywords}
            mode = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
            is_text = name != "open" or not ("b" in str(mode) or isinstance(call.func, ast.Name))
            is_file = not (
                isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("os", "self")
            )
            assert "encoding" in given or not is_text or not is_file, f"{path.name}:{call.lineno}"


def test_a_block_that_opens_sqlite_closes_it():
    """`with sqlite3.connect(...)` ends a transaction only: `with closing(sqlite3.connect(...))`.

    From Python 3.13 on a connection left open is a warning, in whatever test runs when it is collected.
    """
    blocks = {path: [node for node in nodes(path) if isinstance(node, ast.withitem)] for path in CODE}
    opened = {path: [ast.unparse(each.context_expr) for each in found] for path, found in blocks.items()}
    assert no_fault(
        {
            path: [each for each in found if each.startswith("sqlite3.connect(")]
            for path, found in opened.items()
        }
    )


SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE FROM|(CREATE|ALTER|DROP) (TABLE|VIEW)|PRAGMA)\b")
# These teach SQL: lessons in which the learner writes it, and a consumer that does without a warehouse.
TEACHES_SQL = {"lesson_06.py", "lesson_12.py", "lesson_14.py", "naive_consumer.py"}
INCIDENTS = KIT / "lab" / "classroom" / "incidents"  # a system of its own, with its own database


def test_what_is_asked_of_the_warehouse_has_a_name():
    """SQL stands in lab/warehouse.py and lab/databases; other modules call functions of `queries`."""
    others = [path for path in MODULES if path.parent.name != "databases"]
    others = [path for path in others if path.name not in {"warehouse.py", *TEACHES_SQL}]
    others = [path for path in others if INCIDENTS not in path.parents]
    found = {path: sql_of(path) for path in others}
    assert no_fault(found), "lab/databases/queries.py: a function whose name says what is asked"


def sql_of(path: Path) -> list[str]:
    """Where SQL stands in a module, except in what it says of itself."""
    docstrings = {node.value for node in nodes(path) if isinstance(node, ast.Expr)}
    texts = (node for node in nodes(path) if isinstance(node, ast.Constant) and node not in docstrings)
    return [f"line {node.lineno}" for node in texts if SQL.search(str(node.value))]


def test_no_test_imports_from_another_test():
    """What several need is in `tests/support`, each module one thing."""
    imports = {
        path: [str(node.module).split(".")[-1] for node in nodes(path) if isinstance(node, ast.ImportFrom)]
        for path in OURS
    }
    assert no_fault(
        {path: [each for each in found if each.startswith("test_")] for path, found in imports.items()}
    )


def test_a_test_that_deletes_a_topic_is_skipped_on_windows():
    """There Kafka would stop: `@DELETES_TOPIC`, of tests/support/marks.py."""
    assert no_fault({path: deleting_everywhere(path) for path in OURS})


def deleting_everywhere(path: Path) -> list[str]:
    """Its functions that delete a topic and have no such mark."""
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef)]
    deleting = [
        node for node in functions if "delete_topics" in {getattr(x, "attr", "") for x in ast.walk(node)}
    ]
    marks = {node.name: [ast.unparse(mark) for mark in node.decorator_list] for node in deleting}
    return [name for name, found in marks.items() if "DELETES_TOPIC" not in found]


def test_no_command_goes_through_a_shell():
    for path in CODE:
        for node in nodes(path):
            assert not (isinstance(node, ast.keyword) and node.arg == "shell"), path.name
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node) == "os.system"), path.name
