"""A server under test, and clients for it."""

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import boto3
from botocore.config import Config
from driven import note

BINARY = os.environ["CLOUDLET_BIN"]
REGION = "us-east-1"
ACCOUNT = "000000000000"

def wait_until(condition, seconds=30, what="the condition"):
    """Polls until `condition()` is true, and returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.02)


class Server:
    """`cloudlet serve` on a free port of loopback, with a data folder that can outlive it."""

    def __init__(self, data=None, env=None, options=(), binary=BINARY, user=None, stderr=None):
        self.data = Path(data or tempfile.mkdtemp(prefix="cloudlet-test-"))
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | (env or {})
        self.options = [str(option) for option in options]
        self.binary = binary
        # A number, to be it and nobody else.
        self.identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        # Where its log goes, if not to a file.
        self.stderr = stderr
        self.process = None
        self.start()

    def start(self):
        self.log = open(self.data.parent / f"{self.data.name}.log", "ab")
        command = [self.binary, "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log if self.stderr is None else self.stderr, env=self.env, text=True, **self.identity)
        line = self.process.stdout.readline()
        match = re.search(r"http://\S+", line)
        assert match, f"the server did not start: {line!r}\n{self.logged()}"
        self.endpoint = match.group()
        lines = (self.data / "root-credentials").read_text().split()
        self.root = dict(line.split("=", 1) for line in lines)

    def logged(self):
        return Path(self.log.name).read_text()[-5000:]

    def kill(self):
        """As a crash would: SIGKILL, no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self):
        """In good order; says whether it ended with success."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.log.close()
        return code == 0

    def client(self, service, **options):
        return self.client_as(service, self.root["AWS_ACCESS_KEY_ID"], self.root["AWS_SECRET_ACCESS_KEY"], **options)

    def client_as(self, service, key_id, secret, token=None, region=REGION, retries=0, **options):
        config = Config(retries={"max_attempts": retries}, max_pool_connections=64, parameter_validation=False).merge(
            Config(**options)
        )
        return self.session().client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        )

    def session(self):
        """A session of boto3. What its clients and resources are answered with success counts as driven."""
        session = boto3.session.Session()
        session.events.register("after-call", note)
        return session

    def run(self, *arguments, check=True, **options):
        """Runs a cloudlet command against this server, as its root."""
        command = [BINARY, *map(str, arguments)]
        done = subprocess.run(command, env=self.env | {"AWS_ENDPOINT_URL": self.endpoint, **self.root}, text=True, capture_output=True, timeout=300, **options)
        assert not check or done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
        return done
