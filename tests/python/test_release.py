"""New versions of functions: some of the traffic at first, all of it or none in the end, and back by hand."""

import collections
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest
from cloudlet import BINARY, wait_until
from test_examples import http

CONFIG = """
service: {name}
provider: {{ name: aws, runtime: python3.12 }}
functions:
  hello:
    handler: handler.main
    events:
      - httpApi: GET /hello
      - http: GET /rest
      - sqs:
          arn: {{ Fn::GetAtt: [Jobs, Arn] }}
resources:
  Resources:
    Jobs: {{ Type: AWS::SQS::Queue }}
"""

HANDLER = """
import json

def main(event, context):
    {body}
    return {{"statusCode": 200, "body": json.dumps({{"said": "{said}"}})}}
"""


class Project:
    def __init__(self, server, folder, name):
        self.server, self.folder, self.function = server, folder, f"{name}-dev-hello"
        (folder / "serverless.yml").write_text(CONFIG.format(name=name))

    def write(self, said, body="pass"):
        (self.folder / "handler.py").write_text(HANDLER.format(said=said, body=body))

    def deploy(self, *options, check=True):
        done = self.server.run("deploy", self.folder, *options, check=check)
        url = re.search(r"GET\s+(http\S+/hello)", done.stdout)
        self.url = url.group(1) if url else self.url
        return done

    def alias(self, lambda_):
        alias = lambda_.get_alias(FunctionName=self.function, Name="live")
        return alias["FunctionVersion"], alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})

    def said(self):
        return http("GET", self.url)[1].get("said")


class Traffic:
    """Requests without a pause, and what was answered."""

    def __init__(self, project):
        self.project, self.answers, self.over = project, collections.Counter(), threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            status, body = http("GET", self.project.url)
            self.answers[status, body.get("said")] += 1
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self.answers

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.fixture
def project(server, tmp_path, unique):
    project = Project(server, tmp_path, unique)
    project.write("one")
    project.deploy()
    assert project.said() == "one"
    return project


@pytest.mark.timeout(300)
def test_a_good_version_completes_and_is_rolled_back_by_hand(project, lambda_, server):
    # The stack was deployed without a canary: its address stays, and nobody notices.
    url = project.url
    project.write("two")
    with Traffic(project) as answers:
        done = project.deploy("--canary", "30%", "--for", "4s")
    assert "canary: completed" in done.stdout and project.url == url, done.stdout
    assert set(answers) == {(200, "one"), (200, "two")}, answers
    assert project.alias(lambda_) == ("2", {}) and project.said() == "two"
    # The REST API and the queue go through the alias as well.
    rest = re.search(r"GET\s+(http\S+/rest)", done.stdout).group(1)
    assert http("GET", rest) == (200, {"said": "two"})
    (mapping,) = lambda_.list_event_source_mappings(FunctionName=f"{project.function}:live")["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith(f"{project.function}:live")

    done = server.run("rollback", project.function)
    assert done.stdout == f"{project.function}: from version 2 to version 1\n"
    assert project.said() == "one" and http("GET", rest) == (200, {"said": "one"})
    assert "none before it" in server.run("rollback", project.function, check=False).stderr
    assert "to version 2" in server.run("rollback", project.function, "--to", "2").stdout
    assert project.said() == "two"

    # Later deployments keep to the alias, with a canary or without.
    project.write("three")
    project.deploy()
    assert project.alias(lambda_) == ("3", {}) and project.said() == "three"
    assert "nothing to shift" in project.deploy("--canary", "10%").stdout
    project.server.run("remove", project.folder)


@pytest.mark.timeout(300)
def test_a_bad_version_is_rolled_back(project, lambda_):
    project.write("bad", body="raise ValueError('bad')")
    with Traffic(project) as answers:
        began = time.monotonic()
        done = project.deploy("--canary", "20%", "--for", "2m", check=False)
    # Long before its time is over.
    assert done.returncode == 1 and "canary: rolled back" in done.stdout and time.monotonic() - began < 100
    assert re.search(r"version 2 failed \d+ of \d+ calls \(100%\), version 1 failed 0 of \d+ calls", done.stdout), done.stdout
    assert answers[200, "one"] > answers[500, None] > 0, answers
    assert project.alias(lambda_) == ("1", {}) and project.said() == "one"
    # The same code again is another try, not "up to date".
    done = project.deploy("--canary", "20%", "--for", "1s", "--json", check=False)
    assert json.loads(done.stdout)["canary"]["completed"], "nobody called it, so nothing was wrong with it"
    assert project.alias(lambda_) == ("2", {})
    project.server.run("remove", project.folder)


@pytest.mark.timeout(300)
def test_a_value_that_a_function_refers_to_makes_a_version(project, lambda_):
    config = project.folder / "serverless.yml"
    queue = "Jobs: {{ Type: AWS::SQS::Queue, Properties: {{ QueueName: {} }} }}".format
    refers = "    environment: { QUEUE: { Fn::GetAtt: [Jobs, QueueName] } }\n    events:"
    plain = config.read_text().replace("Jobs: { Type: AWS::SQS::Queue }", "JOBS").replace("    events:", refers)
    project.write("QUEUE")
    handler = project.folder / "handler.py"
    handler.write_text(handler.read_text().replace('"QUEUE"', '__import__("os").environ["QUEUE"]'))
    config.write_text(plain.replace("JOBS", queue(f"{project.function}-a")))
    project.deploy("--canary", "50%", "--for", "1s")
    assert project.alias(lambda_) == ("2", {}) and project.said() == f"{project.function}-a"
    # The function is as it was, but for the name of another queue.
    config.write_text(plain.replace("JOBS", queue(f"{project.function}-b")))
    with Traffic(project) as answers:
        project.deploy("--canary", "50%", "--for", "3s")
    assert set(answers) == {(200, f"{project.function}-a"), (200, f"{project.function}-b")}, answers
    assert project.alias(lambda_) == ("3", {}) and project.said() == f"{project.function}-b"
    assert "nothing to shift" in project.deploy("--canary", "50%").stdout
    project.server.run("remove", project.folder)


@pytest.mark.timeout(300)
def test_an_interrupted_canary_leaves_the_old_version(project, lambda_, server):
    project.write("two")
    command = [BINARY, "deploy", str(project.folder), "--canary", "50%", "--for", "10m"]
    environment = server.env | {"AWS_ENDPOINT_URL": server.endpoint, **server.root}

    def watched():
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if "version 2 gets 50%" in line:
                return process
        raise AssertionError(process.communicate())

    process = watched()
    assert project.alias(lambda_) == ("1", {"2": 0.5})
    wait_until(lambda: {project.said() for _ in range(20)} == {"one", "two"}, 10, "a split of the traffic")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "it was interrupted" in out and "version 1 has all of the traffic" in out
    assert project.alias(lambda_) == ("1", {})

    # One that was killed is ended by hand.
    process = watched()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert project.alias(lambda_) == ("1", {"2": 0.5})
    assert "version 2 with 50% of the traffic" in server.run("rollback", project.function).stdout
    assert project.alias(lambda_) == ("1", {})
    project.server.run("remove", project.folder)


def test_what_cannot_be_done_is_said(project, server):
    done = project.deploy("--canary", "10%", "--alarm", "errors", check=False)
    assert done.returncode == 1 and "alarms are not built yet" in done.stderr
    assert project.deploy("--canary", "100%", check=False).returncode == 2
    done = server.run("rollback", project.function, check=False)
    assert done.returncode == 1 and "deploy --canary" in done.stderr
    assert server.run("rollback", "nobody", check=False).returncode == 1
    # A URL belongs to the function itself: it would change.
    config = project.folder / "serverless.yml"
    config.write_text(config.read_text().replace("    events:", "    url: true\n    events:"))
    project.deploy()
    project.write("two")
    done = project.deploy("--canary", "10%", check=False)
    assert done.returncode == 1 and "another address" in done.stderr and project.said() == "one"
    project.server.run("remove", project.folder)
