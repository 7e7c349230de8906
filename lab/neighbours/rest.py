"""How is a server beside a notebook asked? Over HTTP, on this machine: a method, a path, and JSON."""

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from lab.errors import LabError

# How Connect names a plugin in an error: with its file and much more.
PLUGIN = re.compile(r"PluginDesc\{klass=class ([\w.$]+),[^}]*\}")
# How Apicurio begins one: with the class of the exception in Java.
EXCEPTION = re.compile(r"^([a-z]\w*\.)+[A-Z]\w*Exception: ")
_send = build_opener(ProxyHandler({})).open  # a proxy of the environment does not know this machine


class RestError(LabError):
    """A server beside the notebook refused something, or does not answer.

    `code` is the one of HTTP; 0 if there was no answer.
    """

    def __init__(self, message: str, code: int = 0):
        super().__init__(message)
        self.code = code


def ask(name: str, url: str, method: str, path: str, body: Any = None, timeout: float = 90) -> Any:
    """The answer of the server of that name, as Python values; None if it is empty.

    Raises RestError: with the server's own words if it refuses, with code 0 if it does not answer.
    """
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        with _send(Request(url + path, data, headers, method=method), timeout=timeout) as answer:
            text = answer.read()
    except HTTPError as error:
        with error:  # it is an answer, too, and Python 3.14 warns of one that nobody closes
            raise RestError(f"{method} {path} was refused: {_words(error)}", error.code) from None
    except OSError as error:
        raise RestError(f"{name} does not answer at {url}: {error}") from None
    return json.loads(text) if text else None


def _words(error: HTTPError) -> str:
    """What the server says, in one line."""
    try:
        text = " ".join(json.loads(error.read())["message"].split())
        return EXCEPTION.sub("", PLUGIN.sub(r"\1", text))
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"
