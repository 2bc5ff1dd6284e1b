"""A local endpoint that answers as a judge would, or misbehaves on request."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.record.judged import ASPECTS, CRITERIA

Opinion = Callable[[str], str]
"""A prompt → the text of the reply."""


def block(prompt: str, title: str) -> str:
    """A text of a prompt, found by its marks as a reader would."""
    found = re.search(rf"^BEGIN {title} (\w+)\n(.*?)\nEND {title} \1$", prompt, re.S | re.M)
    assert found is not None, title
    return found[2]


def pair_reply(better: str, evidence: str = "") -> str:
    return json.dumps({name: {"better": better, "evidence": evidence} for name in CRITERIA})


def aspects_reply(score: object = 4, evidence: str = "") -> str:
    return json.dumps({name: {"score": score, "evidence": evidence} for name in ASPECTS})


def fair(prompt: str) -> str:
    """Prefers the text with the word `good`; scores it 5, any other 2; quotes the first word."""
    if "BEGIN TEXT TO JUDGE" in prompt:
        text = block(prompt, "TEXT TO JUDGE")
        return aspects_reply(5 if "good" in text else 2, text.split()[0] if text else "")
    texts = [block(prompt, f"TEXT {number}") for number in (1, 2)]
    good = ["good" in text for text in texts]
    better = "tie" if good[0] == good[1] else "1" if good[0] else "2"
    return pair_reply(better, texts[1 if better == "2" else 0].split()[0])


def first_always(prompt: str) -> str:
    """A judge with nothing but a position bias."""
    return pair_reply("1")


class Stub:
    """What the endpoint does.

    opinion: gives the text of a reply.
    faults: of the next requests, in order: a status, "hang", "cut", "not json", "null", "refuse",
        "length", "reasoned on" (to the cap, without a text), "no usage"; None for a normal reply.
    """

    def __init__(self, opinion: Opinion = fair) -> None:
        self.opinion = opinion
        self.faults: list[object] = []
        self.retry_after: str | None = None
        self.prompts: list[str] = []
        self.bodies: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.lock = threading.Lock()
        self.url = ""


@contextmanager
def served(stub: Stub) -> Iterator[Stub]:
    """The stub at `stub.url`, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with stub.lock:
                stub.bodies.append(body)
                stub.prompts.append(body["messages"][0]["content"])
                stub.headers.append(dict(self.headers))
                stub.times.append(time.monotonic())
                fault = stub.faults.pop(0) if stub.faults else None
            _answer(self, stub, fault, body["messages"][0]["content"])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, stub: Stub, fault: object, prompt: str) -> None:
    if isinstance(fault, int):
        more = {"Retry-After": stub.retry_after} if stub.retry_after else {}
        said = {"error": f"as asked, with {handler.headers['Authorization']}"}
        _send(handler, fault, json.dumps(said).encode(), more)
        return
    if fault == "hang":
        time.sleep(1.0)
        handler.close_connection = True
        return
    choice = {"message": {"content": stub.opinion(prompt)}, "finish_reason": "stop"}
    if fault in ("null", "reasoned on"):
        choice["message"] = {"content": None}
    if fault == "refuse":
        choice["message"] = {"content": None, "refusal": "I would rather not"}
    if fault in ("length", "reasoned on"):
        choice["finish_reason"] = "length"
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    counts = {} if fault == "no usage" else {"usage": usage}
    data = json.dumps({"choices": [choice], **counts}).encode()
    if fault == "not json":
        data = b"<html>gateway</html>"
    if fault == "cut":  # half of the body, then a reset
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.close_connection = True
        return
    _send(handler, 200, data, {})


def _send(handler: BaseHTTPRequestHandler, status: int, data: bytes, more: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(data)), **more}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)
