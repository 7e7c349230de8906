"""A worker of Kafka Connect is asked again while it is busy, and a refusal is one line in its own words."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lab.neighbours.connect_rest import ask, reason_of, wait_until_gone, wait_until_ready
from lab.neighbours.rest import RestError

BUSY, MISSING = (
    (409, {"error_code": 409, "message": "rebalance"}),
    (404, {"error_code": 404, "message": "no"}),
)
TRACE = "org.x.AnError: Exiting\n\tat a.B(B.java:1)\nCaused by: org.x.SchemaException: no brace\n\tat d"


def status(connector: str, *tasks: str) -> tuple[int, dict]:
    parts = [{"id": n, "state": task, "trace": TRACE} for n, task in enumerate(tasks)]
    return 200, {"name": "mine", "connector": {"state": connector}, "tasks": parts}


@pytest.fixture
def worker(monkeypatch):
    """The URL of one that gives the next of `answers` to each request, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length", 0))
            asked.append((self.command, self.path, self.rfile.read(length)))
            code, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(code)
            self.end_headers()
            self.wfile.write(b"" if body is None else json.dumps(body).encode())

        do_GET = do_PUT = do_DELETE = answer

        def log_message(self, *words):
            """Nothing."""

    answers, asked = [], []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # it does not know this machine
    server.answers, server.asked, server.url = answers, asked, f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_busy_worker_is_asked_again(worker):
    worker.answers[:] = [BUSY, BUSY, (200, ["mine"])]
    assert ask(worker.url, "PUT", "/connectors", {"a": 1}) == ["mine"]
    assert worker.asked == [("PUT", "/connectors", b'{"a": 1}')] * 3


def test_it_is_not_asked_for_ever(worker):
    worker.answers[:] = [BUSY]
    with pytest.raises(RestError, match="was refused: rebalance"):
        ask(worker.url, "GET", "/connectors", timeout=0.2)


def test_an_empty_answer_is_none(worker):
    worker.answers[:] = [(204, None)]
    assert ask(worker.url, "DELETE", "/connectors/mine") is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((400, {"message": "1 error:\nMissing topics\n"}), "1 error: Missing topics"),
        (
            (400, {"message": "no X, only PluginDesc{klass=class a.B, name='a.B', location='/c'}, sorry"}),
            "no X, only a.B, sorry",
        ),
        ((500, ["odd"]), "500 Internal Server Error"),
        ((500, None), "500 Internal Server Error"),
    ],
)
def test_a_refusal_is_one_line_in_its_words(worker, answer, said):
    worker.answers[:] = [answer]
    with pytest.raises(RestError) as error:
        ask(worker.url, "PUT", "/connectors/mine/config", {})
    assert str(error.value) == f"PUT /connectors/mine/config was refused: {said}"
    assert error.value.code == answer[0]


def test_no_answer_is_one_line(worker):
    with pytest.raises(RestError, match=r"^Kafka Connect does not answer at http://127.0.0.1:9: .+") as error:
        ask("http://127.0.0.1:9", "GET", "/connectors")
    assert error.value.code == 0 and "\n" not in str(error.value)


def test_a_connector_is_ready_when_it_and_each_task_runs(worker):
    worker.answers[:] = [
        MISSING,
        (200, ["mine"]),
        status("RUNNING"),
        status("RUNNING", "UNASSIGNED", "RUNNING"),
    ]
    worker.answers.append(status("RUNNING", "RUNNING", "RUNNING"))
    assert wait_until_ready(worker.url, "mine") == status("RUNNING", "RUNNING", "RUNNING")[1]


def test_one_that_fails_says_the_innermost_cause(worker):
    worker.answers[:] = [status("RUNNING", "FAILED")]
    with pytest.raises(RestError, match=r"^The connector mine failed: org\.x\.SchemaException: no brace$"):
        wait_until_ready(worker.url, "mine")


def test_one_that_was_removed_meanwhile_is_not_waited_for(worker):
    worker.answers[:] = [MISSING, (200, ["another"])]
    with pytest.raises(RestError, match="no connector mine"):
        wait_until_ready(worker.url, "mine")


def test_a_removed_connector_is_gone_when_its_status_is(worker):
    worker.answers[:] = [status("RUNNING"), MISSING]
    wait_until_gone(worker.url, "mine")
    assert len(worker.asked) == 2


def test_a_name_with_odd_letters_is_one_part_of_the_path(worker):
    worker.answers[:] = [status("RUNNING", "RUNNING")]
    wait_until_ready(worker.url, "my/süß one")
    assert worker.asked[0][1] == "/connectors/my%2Fs%C3%BC%C3%9F%20one/status"


@pytest.mark.parametrize("found", [{}, status("FAILED")[1]])
def test_without_a_reason_it_says_so(found):
    assert reason_of(found) == "the worker gives no reason."
