"""A server of OpenAI's protocol in a thread, whose answers and faults a test chooses."""

from __future__ import annotations

import json
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def chat_reply(text, reason="stop", **more):
    """The JSON of a chat completion."""
    return {
        "id": "1", "object": "chat.completion", "model": "tiny-model", "system_fingerprint": "fp_1",
        "choices": [
            {"index": 0, "finish_reason": reason,
             "message": {"role": "assistant", "content": text, **more}}
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16},
    }  # fmt: skip


def text_reply(text, reason="stop", **more):
    """The JSON of a completion; `more` goes into the choice."""
    choice = {"index": 0, "text": text, "finish_reason": reason, **more}
    return {"object": "text_completion", "model": "tiny-model", "choices": [choice]}


def refusal(status, message="no", **headers):
    """A fault: a status with the protocol's error, and headers (Retry_After)."""

    def answer(handler, body):
        handler.send(status, json.dumps({"error": {"message": message}}).encode(), headers)

    return answer


def cut(handler, body):
    """A fault: the connection is reset before an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def truncated(handler, body):
    """A fault: half of the bytes that the header announces."""
    text = json.dumps(chat_reply("half")).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text[: len(text) // 2])
    handler.close_connection = True


def silent(handler, body):
    """A fault: no answer until the server ends."""
    handler.server.ending.wait(30)


def _trickling(header, value, piece):
    def answer(handler, body):
        handler.send_response(200)
        handler.send_header(header, value)
        handler.end_headers()
        while not handler.server.ending.wait(0.03):
            handler.wfile.write(piece)

    return answer


trickle = _trickling("Content-Length", "100000", b" ")
"""A fault: a space now and then, as servers send them to keep a connection open."""
trickle_of_chunks = _trickling("Transfer-Encoding", "chunked", b"1\r\n \r\n")
"""The same in chunks, without a length."""


def raw(text, status=200):
    """A fault: this text as the answer."""
    return lambda handler, body: handler.send(status, text.encode())


class Server(ThreadingHTTPServer):
    """Answers with `answer(body)`, after the faults of the first requests, one for each.

    requests: bodies, in order. keys: their Authorization headers.
    """

    daemon_threads = True

    def __init__(self, answer, faults=()):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.faults = answer, list(faults)
        self.requests, self.keys, self.paths = [], [], []
        self.lock, self.ending = threading.Lock(), threading.Event()
        self.busy, self.most_at_once = 0, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address):
        """A client that left is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        if server.ending.is_set():  # a connection that was kept open
            self.close_connection = True
            return
        with server.lock:
            server.requests.append(body)
            server.keys.append(self.headers.get("Authorization"))
            server.paths.append(self.path)
            fault = server.faults.pop(0) if server.faults else None
            server.busy += 1
            server.most_at_once = max(server.most_at_once, server.busy)
        try:
            if fault:
                fault(self, body)
            else:
                found = server.answer(body)
                if callable(found):
                    found(self, body)
                else:
                    self.send(200, json.dumps(found).encode())
        finally:
            with server.lock:
                server.busy -= 1

    def send(self, status, text, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in dict(headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextmanager
def serving(answer, faults=()):
    """A running server; it ends with the block."""
    server = Server(answer, faults)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()
