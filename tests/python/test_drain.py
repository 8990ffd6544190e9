"""The end of a server that is in use: no request fails, whoever asks is told, and nothing waits for ever."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest
from cloudlet import Server, wait_until
from test_tls import Secure, authority  # noqa: F401


class Load:
    """Clients that ask as fast as they can, each on a connection that it keeps, and again on another when it is told to."""

    def __init__(self, endpoint, count=8):
        self.address = urllib.parse.urlsplit(endpoint).netloc
        self.answered, self.failed, self.closed, self.going = 0, [], 0, True
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.connect()
        except OSError:
            return
        while self.going:
            try:
                connection.request("GET", "/_cloudlet/metrics")
                answer = connection.getresponse()
                answer.read()
            except OSError as error:
                with self.lock:
                    self.failed.append(repr(error))
                return
            with self.lock:
                self.answered += 1
                if answer.status != 200:
                    self.failed.append(answer.status)
            if answer.getheader("connection") == "close":
                # Told that it was the last answer: whoever goes on asks another server.
                with self.lock:
                    self.closed += 1
                return

    def end(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def test_no_request_fails_when_a_server_in_use_ends(tmp_path):
    for round_ in range(5):
        server = Server(tmp_path / f"data{round_}")
        load = Load(server.endpoint)
        wait_until(lambda: load.answered > 200, what="some load")
        assert server.stop(), server.logged()
        load.end()
        assert load.failed == [] and load.closed == len(load.threads)


def test_what_is_under_way_is_answered_and_health_says_so_meanwhile(tmp_path):
    server = Server(tmp_path / "data", options=["--drain-delay", "2s", "--drain-timeout", "20s"])
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    received = []
    waiting = threading.Thread(target=lambda: received.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)))
    waiting.start()
    address = urllib.parse.urlsplit(server.endpoint).netloc

    def health():
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("GET", "/_cloudlet/health")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["status"]

    assert health() == (200, "running")
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: health() == (503, "draining"), what="health that tells")
    # Until the delay is over, everything is served.
    server.client("sqs").send_message(QueueUrl=url, MessageBody="late")
    waiting.join()
    assert received[0]["Messages"][0]["Body"] == "late"
    assert server.process.wait(timeout=30) == 0


def test_who_takes_too_long_is_not_waited_for(tmp_path):
    server = Server(tmp_path / "data", options=["--drain-timeout", "1s"])
    address = urllib.parse.urlsplit(server.endpoint).netloc
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.putrequest("PUT", "/some-bucket/key")
    connection.putheader("content-length", "1000000")
    connection.endheaders()
    connection.send(b"x")
    time.sleep(0.2)
    began = time.monotonic()
    assert server.stop(), server.logged()
    assert time.monotonic() - began < 8


@pytest.mark.timeout(120)
def test_http_2_clients_are_sent_away_without_a_failure(authority, tmp_path):  # noqa: F811
    server = Secure(tmp_path / "data", [authority.make("localhost", file="drained")])
    url = f"https://localhost:{server.port}/_cloudlet/metrics"
    # One connection, many requests; curl opens another where it is told to go away, and finds nobody there.
    command = ["curl", "-sS", "--fail-early", "--http2", "--cacert", str(authority.file), "-o", os.devnull, "-w", "%{http_code}\n", f"{url}?[1-100000]"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(100):
        assert process.stdout.readline() == "200\n"
    assert server.stop(), server.logged()
    codes, told = process.communicate(timeout=60)
    answered = [code for code in codes.split() if code != "000"]
    assert set(answered) == {"200"}
    assert "connect" in told.lower() and "framing" not in told.lower() and "not closed cleanly" not in told, told[:500]
