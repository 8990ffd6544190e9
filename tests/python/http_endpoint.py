"""An HTTP endpoint of a test: it keeps what it is sent, and answers as it is told."""

import threading
import time
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cloudlet import wait_until


@dataclass
class Request:
    method: str
    path: str
    headers: Message
    body: str
    at: float


class HttpEndpoint:
    """Answers each request with what `answer` returns for it: a status, headers and a body. At first that is `status`."""

    def __init__(self):
        self.status, self.received, endpoint = 200, [], self
        self.answer = lambda request: (self.status, {}, "")

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                request = Request(self.command, self.path, self.headers, body, time.monotonic())
                endpoint.received.append(request)
                status, headers, body = endpoint.answer(request)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else body.encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            # A connection that a full queue drops is tried again a second later.
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next_request(self):
        """The next request that was not asked for yet."""
        wait_until(lambda: self.received, what="a request to the endpoint")
        return self.received.pop(0)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
