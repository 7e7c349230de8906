"""How a notebook shows the kit's errors and results, in a real kernel."""

import re
import subprocess
import sys

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

COLOURS = re.compile(r"\x1b\[[\d;]*m")
MISSING = "from lab import Warehouse\n\nWarehouse('sqlite:///nowhere/w.db', create=False)"


@pytest.fixture(scope="module")
def client():
    manager, client = start_new_kernel(startup_timeout=60, kernel_name="python3")
    client.execute_interactive("from lab import Warehouse", timeout=60)  # for whichever test is the first
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def run(client):
    """Runs a cell; returns the content of its error or of its result, or the text that it printed."""

    def run(code):
        found, printed = {}, []

        def hook(message):
            if message["msg_type"] in ("error", "execute_result"):
                found.update(message["content"])
            elif message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        client.execute_interactive(code, timeout=60, output_hook=hook)
        return found or "".join(printed)

    return run


def shown(error):
    """The traceback of an error as lines, without colours."""
    return COLOURS.sub("", "\n".join(error["traceback"])).splitlines()


def test_an_error_of_the_kit_is_one_line_and_says_which_of_the_cell(run):
    error = run(MISSING)
    assert error["ename"] == "NoWarehouseYet"
    (line,) = shown(error)
    assert line.startswith("NoWarehouseYet in line 3: ")
    assert line.endswith(error["evalue"])


def test_an_error_in_a_function_of_the_notebook_names_the_function(run):
    run("from lab import Warehouse\n\ndef mine():\n    Warehouse('sqlite:///nowhere/w.db', create=False)")
    (line,) = shown(run("x = 1\nmine()"))
    assert line.startswith("NoWarehouseYet in mine, line 4: ")


def test_tb_shows_the_whole(run):
    run(MISSING)
    whole = run("%tb")
    assert whole["ename"] == "NoWarehouseYet"
    text = "\n".join(shown(whole))
    assert "opening.py" in text and "Traceback (most recent call last)" in text


def test_any_other_error_keeps_its_traceback(run):
    assert len(shown(run("import lab\n1 / 0"))) > 3


def test_a_kit_error_that_caused_another_is_shown_with_it(run):
    text = "\n".join(shown(run(f"try:\n    {MISSING.splitlines()[2]}\nexcept Exception as e:\n    1 / 0")))
    assert "ZeroDivisionError" in text and "NoWarehouseYet" in text


@pytest.mark.broker
def test_a_cell_that_fails_counts_as_failed_and_its_output_shows_the_line(tmp_path):
    """As pytest --nbmake and the book run them."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(MISSING)])
    with pytest.raises(CellExecutionError, match="NoWarehouseYet in line 3: "):
        NotebookClient(book, timeout=60, kernel_name="python3").execute()
    (output,) = book.cells[0].outputs
    assert output.output_type == "error"
    assert len(output.traceback) == 1


MADE = {
    "ProduceSummary": ("lab.producer", "ProduceSummary(7)"),
    "ConsumeSummary": ("lab.clients.summaries", "ConsumeSummary(7)"),
    "Topic": ("lab.topics", "Topic('t', 'id', (Partition(7, 1, (1,), (1,)),))"),
}


@pytest.mark.parametrize("name", MADE)
def test_a_result_is_a_table_in_a_notebook_and_plain_text_in_a_terminal(run, name):
    module, made = MADE[name]
    shown = run(f"import lab\nfrom {module} import *\n{made}")["data"]
    assert shown["text/html"].startswith("<table") and ">7<" in shown["text/html"]
    assert shown["text/plain"].startswith(f"{name}(")


def test_outside_a_kernel_the_import_is_as_light_as_before():
    heavy = "{'IPython', 'lab.classroom.notebook', 'lab.classroom.slips', 'lab.producer', 'pandas'}"
    code = f"import sys; import lab; print(sorted({heavy} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


IN_A_THREAD = """
from threading import Thread
def work():
    {0}
one = Thread(target=work)
one.start()
one.join()
"""


def test_an_error_of_the_kit_in_a_thread_is_one_line_too(run):
    said = run(MISSING.splitlines()[0] + IN_A_THREAD.format(MISSING.splitlines()[-1]))
    assert re.fullmatch(r"NoWarehouseYet in work, line 4: .*nowhere.*\n", said)


@pytest.mark.broker
def test_any_other_error_in_a_thread_keeps_its_traceback(run):
    said = run("import lab" + IN_A_THREAD.format("1 / 0"))
    assert "Traceback" in said and "ZeroDivisionError" in said
