"""Backups, archives and what comes back from them; a damaged disk, and what repair says of it."""

import base64
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request
from datetime import datetime, timezone

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cloudlet import BINARY, Server, wait_until
from test_lambda import make_role, package
from test_signatures import send_as


def command(*arguments, check=True, env=None):
    env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | (env or {})
    done = subprocess.run([BINARY, *map(str, arguments)], text=True, capture_output=True, timeout=300, env=env)
    assert not check or done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def servers():
    """Starts servers that are killed in the end."""
    started = []

    def start(data=None, options=(), env=None):
        started.append(Server(data, options=options, env=env))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def create_table(server):
    schema = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}]}
    server.client("dynamodb").create_table(TableName="items", BillingMode="PAY_PER_REQUEST", **schema)


def put(server, *names):
    dynamodb = server.client("dynamodb")
    for name in names:
        dynamodb.put_item(TableName="items", Item={"k": {"S": name}})


def names(server):
    pages = server.client("dynamodb").get_paginator("scan").paginate(TableName="items", ConsistentRead=True)
    return {item["k"]["S"] for page in pages for item in page["Items"]}


def answering(answer):
    return package(index__py=f"def handler(event, context):\n    return {answer!r}\n")


def create_function(server, name, answer):
    role = make_role(server.client("iam"), f"{name}-role")
    server.client("lambda").create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=role, Code={"ZipFile": answering(answer)})


def invoke(server, name):
    return json.loads(server.client("lambda").invoke(FunctionName=name)["Payload"].read())


def now():
    """A moment that nothing is written in, in the archive's finest grain."""
    start = datetime.now(timezone.utc)
    wait_until(lambda: (datetime.now(timezone.utc) - start).total_seconds() > 0.005)
    moment = datetime.now(timezone.utc)
    wait_until(lambda: (datetime.now(timezone.utc) - moment).total_seconds() > 0.005)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def archive_status(server):
    return json.loads(server.run("status", "--json").stdout)["Archive"]


def gauge(server, name):
    metrics = urllib.request.urlopen(f"{server.endpoint}/_cloudlet/metrics").read().decode()
    return float(re.search(rf"^{name} (\S+)", metrics, re.M)[1])


def kill_while_writing(server, acknowledged):
    """Twice, kills a server to which eight clients write, and starts it again. Adds what was acknowledged."""

    def write(client):
        dynamodb = server.client("dynamodb")
        for number in range(10**6):
            try:
                dynamodb.put_item(TableName="items", Item={"k": {"S": f"{client}-{number}"}})
            except (BotoCoreError, ClientError):
                return
            acknowledged.add(f"{client}-{number}")

    for round_ in range(2):
        before = len(acknowledged)
        threads = [threading.Thread(target=write, args=(f"{round_}-{client}",)) for client in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > before + 300)
        server.kill()
        for thread in threads:
            thread.join()
        server.start()


def wait_for_archive(server):
    wait_until(lambda: archive_status(server)["LagSeconds"] == 0, what="the archive having everything")


def test_a_backup_is_of_one_moment_and_comes_back_whole(servers, tmp_path):
    server = servers()
    create_table(server)
    create_function(server, "f", "kept")
    put(server, "before")
    queue = server.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    server.client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    stopping, acknowledged = threading.Event(), []

    def write():
        dynamodb = server.client("dynamodb")
        while not stopping.is_set():
            name = f"n{len(acknowledged):06}"
            dynamodb.put_item(TableName="items", Item={"k": {"S": name}})
            acknowledged.append(name)

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(acknowledged) > 20)
    started = len(acknowledged)
    said = server.run("backup", tmp_path / "backup").stdout
    ended = len(acknowledged)
    stopping.set()
    writer.join()
    assert "everything as of" in said and (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    command("restore", tmp_path / "backup", "--data", tmp_path / "data")
    again = servers(tmp_path / "data")
    # One moment between start and end: everything before it is there, and nothing after it.
    there = sorted(names(again) - {"before"})
    assert there == acknowledged[: len(there)] and started <= len(there) <= ended + 1 and "before" in names(again)
    assert invoke(again, "f") == "kept" and again.root == server.root
    queue = f"{again.endpoint}/000000000000/q"
    assert again.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "m"


def test_a_backup_needs_permission(servers, tmp_path):
    server = servers()
    iam = server.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    server.root = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    refused = server.run("backup", tmp_path / "backup", check=False)
    assert refused.returncode != 0 and "cloudlet:Backup" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_backup_is_refused_and_leaves_nothing(servers, tmp_path):
    server = servers()
    create_table(server)
    put(server, "a")
    backup = tmp_path / "backup"
    server.run("backup", backup)
    whole = backup.read_bytes()
    for damaged, word in [(whole[:-1], "ends too early"), (whole[:200] + b"!" + whole[201:], "damaged")]:
        backup.write_bytes(damaged)
        done = command("restore", backup, "--data", tmp_path / "data", check=False)
        assert done.returncode != 0 and word in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["backup"]
    backup.write_bytes(whole)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/file").write_text("")
    assert "is not empty" in command("restore", backup, "--data", tmp_path / "data", check=False).stderr


def damage_code(server, function, folder):
    """Turns a bit in the code of a function that `folder` keeps."""
    sha256 = server.client("lambda").get_function_configuration(FunctionName=function)["CodeSha256"]
    (path,) = [path for path in folder.rglob("*") if path.name == base64.b64decode(sha256).hex()]
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


def test_a_damaged_package_is_told_with_what_needs_it_and_costs_nothing_else(servers, tmp_path):
    archive = tmp_path / "archive"
    server = servers(options=["--archive", archive])
    create_table(server)
    put(server, "a")
    for name in ["good", "bad", "worse"]:
        create_function(server, name, name)
    wait_for_archive(server)
    damage_code(server, "bad", server.data / "code")
    done = server.run("backup", tmp_path / "backup", check=False)
    assert done.returncode == 3 and "function bad:$LATEST in us-east-1 needs it" in done.stderr, done.stderr
    damage_code(server, "worse", archive / "blobs")
    for name, source in [("bad", [tmp_path / "backup"]), ("worse", ["--archive", archive])]:
        done = command("restore", *source, "--data", tmp_path / name, check=False)
        assert done.returncode == 3 and done.stderr.count("needs it") == 1, done.stderr
        assert f"function {name}:$LATEST in us-east-1 needs it" in done.stderr
        again = servers(tmp_path / name)
        assert names(again) == {"a"} and invoke(again, "good") == "good"
        # It is whole once it is deployed again.
        again.client("lambda").update_function_code(FunctionName=name, ZipFile=answering(name))
        assert invoke(again, name) == name


def test_deleted_code_leaves_the_disk_while_it_is_archived_and_after_a_kill(servers, tmp_path):
    archive = tmp_path / "archive"
    server = servers(options=["--archive", archive])

    def kept():
        return {path.name for path in (server.data / "packages").glob("??/*")}

    def save_and_delete(content):
        sha256 = hashlib.sha256(content).hexdigest()
        for operation, members in [("PutPackage", {"Bytes": base64.b64encode(content).decode()}), ("DeletePackage", {})]:
            status, answer = send_as(server, server.root.values(), "cloudlet", f"Cloudlet_20261101.{operation}", json.dumps({"Sha256": sha256, **members}).encode())
            assert status == 200, answer
        return sha256

    wait_for_archive(server)
    one = save_and_delete(b"one")
    wait_until(lambda: one not in kept(), what="the deleted package leaving")
    # With the archive out of reach it must stay, even if the server starts again meanwhile.
    shutil.rmtree(archive)
    archive.write_text("in the way")
    two = save_and_delete(b"two")
    assert two in kept()
    held = archive_status(server)
    assert (held["Held"], held["HeldBytes"]) == (1, 3)
    assert "1 deleted packages of code" in server.run("status").stdout and gauge(server, "cloudlet_archive_held_bytes") == 3
    server.kill()
    archive.unlink()
    server.start()
    wait_until(lambda: two not in kept(), what="the deleted package leaving")
    # What needs it may be brought back: the moments before it was deleted are in the archive.
    assert (archive / "blobs/packages" / two).read_bytes() == b"two"


def test_any_moment_comes_back_and_a_restore_of_a_restore_too(servers, tmp_path):
    archive = tmp_path / "archive"
    first = servers(options=["--archive", archive])
    create_table(first)
    put(first, "a")
    create_function(first, "f", 1)
    wait_for_archive(first)
    after_a = now()
    put(first, "b")
    first.client("lambda").update_function_code(FunctionName="f", ZipFile=answering(2))
    after_b = now()
    put(first, *[f"c{number}" for number in range(50)])
    wait_for_archive(first)
    metrics = urllib.request.urlopen(f"{first.endpoint}/_cloudlet/metrics").read().decode()
    assert re.search(r"^cloudlet_archive_lag_seconds \d", metrics, re.M) and "archive: " in first.run("status").stdout
    # The machine is lost: nothing but the archive is left.
    first.kill()
    shutil.rmtree(first.data)

    def restored(name, *at):
        command("restore", "--archive", archive, *at, "--data", tmp_path / name)
        return servers(tmp_path / name, options=["--archive", archive] if name == "second" else ())

    second = restored("second", "--at", after_b)
    assert names(second) == {"a", "b"} and invoke(second, "f") == 2
    put(second, "d")
    wait_for_archive(second)
    before_e = now()
    put(second, "e")
    wait_for_archive(second)
    assert names(restored("third")) == {"a", "b", "d", "e"}
    assert names(restored("fourth", "--at", before_e)) == {"a", "b", "d"}
    old = restored("old", "--at", after_a)
    assert names(old) == {"a"} and invoke(old, "f") == 1
    early = command("restore", "--archive", archive, "--at", "2001-01-01T00:00:00Z", "--data", tmp_path / "x", check=False)
    assert early.returncode != 0 and "the archive begins at" in early.stderr


def test_the_archive_has_what_was_acknowledged_before_a_kill(servers, tmp_path):
    archive, acknowledged = tmp_path / "archive", set()
    server = servers(options=["--archive", archive])
    create_table(server)
    kill_while_writing(server, acknowledged)
    # The log keeps what was not archived when the server was killed.
    wait_for_archive(server)
    server.kill()
    command("restore", "--archive", archive, "--data", tmp_path / "data")
    assert acknowledged <= names(servers(tmp_path / "data"))


def test_an_archive_that_cannot_be_written_is_shown(servers, tmp_path):
    archive = tmp_path / "archive"
    server = servers(options=["--archive", archive])
    create_table(server)
    wait_for_archive(server)
    shutil.rmtree(archive)
    archive.write_text("in the way")
    put(server, "a")
    wait_until(lambda: "Failure" in archive_status(server), what="the failure being shown")
    assert archive_status(server)["LagSeconds"] > 0
    archive.unlink()
    archive.mkdir()
    wait_for_archive(server)


def copies_archive_one_at_a_time(servers, place, restored, tmp_path):
    """Two servers on copies of one folder that archive to `place`; `restored` brings back what is there."""
    first = servers(options=["--archive", place[0]], env=place[1])
    create_table(first)
    put(first, "a")
    wait_for_archive(first)
    shutil.copytree(first.data, tmp_path / "copy")
    second = servers(tmp_path / "copy", options=["--archive", place[0]], env=place[1])
    put(second, "of the copy")
    wait_until(lambda: "archives this store here, and this one does not" in archive_status(second).get("Failure", ""), what="the copy being told")
    assert gauge(second, "cloudlet_archive_failing") == 1 and "Archive to another place" in second.run("status").stdout
    put(second, "still served")
    put(first, "b")
    wait_for_archive(first)
    # The rightful one goes on at once when it was killed; the copy does not, even then.
    first.kill()
    first.start()
    put(first, "c")
    wait_for_archive(first)
    second.kill()
    second.start()
    wait_until(lambda: "and this one does not" in archive_status(second).get("Failure", ""), what="the copy being told again")
    assert names(second) == {"a", "of the copy", "still served"}
    assert second.stop() and "the archive lacks" in second.logged()
    assert first.stop()
    assert names(restored()) == {"a", "b", "c"}


def test_of_two_copies_of_a_folder_one_archives(servers, tmp_path):
    archive = tmp_path / "archive"

    def restored():
        command("restore", "--archive", archive, "--data", tmp_path / "data")
        return servers(tmp_path / "data")

    copies_archive_one_at_a_time(servers, (archive, {}), restored, tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own with 4 MiB; one that cannot be written, where that takes root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", disk], check=True)
    yield disk
    if os.geteuid() == 0:
        subprocess.run(["umount", "-l", disk], check=True)


def make_writable(disk, whether):
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", f"remount,{'rw' if whether else 'ro'}", disk], check=True)
    else:
        disk.chmod(0o700 if whether else 0o500)


def test_a_full_or_read_only_archive_is_told_of_and_goes_on_by_itself(servers, small_disk, tmp_path):
    archive = small_disk / "archive"
    server = servers(options=["--archive", archive])
    create_table(server)
    wait_for_archive(server)

    def stuck(word):
        wait_until(lambda: word in archive_status(server).get("Failure", ""), what=f"{word} being told")
        status = archive_status(server)
        assert status["LagSeconds"] > 0 and str(archive) in status["Failure"], status
        assert gauge(server, "cloudlet_archive_failing") == 1 and word in server.logged()

    def going_on():
        wait_for_archive(server)
        assert "Failure" not in archive_status(server) and gauge(server, "cloudlet_archive_failing") == 0
        # Nothing is left of what did not fit.
        assert not list(archive.rglob(".unfinished*"))

    if os.geteuid() == 0:
        filler = small_disk / "filler"
        with open(filler, "wb") as file, pytest.raises(OSError):
            while True:
                file.write(bytes(65536))
                file.flush()
        put(server, "full")
        stuck("No space left on device")
        put(server, "served all the same")
        filler.unlink()
        going_on()
    make_writable(small_disk, False)
    put(server, "read-only")
    stuck("Read-only file system" if os.geteuid() == 0 else "Permission denied")
    make_writable(small_disk, True)
    going_on()
    server.kill()
    command("restore", "--archive", archive, "--data", tmp_path / "data")
    assert names(servers(tmp_path / "data")) == names_before(server) | {"read-only"}


def names_before(server):
    return {"full", "served all the same"} if os.geteuid() == 0 else set()


def test_a_restore_that_was_killed_is_refused_and_begun_anew(servers, tmp_path):
    server = servers()
    create_table(server)
    put(server, *[f"n{number}" for number in range(200)])
    create_function(server, "f", "kept")
    server.run("backup", tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    restoring = subprocess.Popen([BINARY, "restore", tmp_path / "pipe", "--data", tmp_path / "data"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with open(tmp_path / "pipe", "wb") as pipe:
        pipe.write(whole[:-1000])
        pipe.flush()
        unfinished = tmp_path / "data.unfinished"
        wait_until(lambda: (unfinished / "root-credentials").exists(), what="the restore having begun")
        second = command("restore", tmp_path / "backup", "--data", tmp_path / "data", check=False)
        assert second.returncode == 1 and "another restore into" in second.stderr and unfinished.exists()
        restoring.kill()
        restoring.communicate()
    assert not (tmp_path / "data").exists()
    for refused in [["serve", "--listen", "127.0.0.1:0"], ["repair"]]:
        done = command(*refused, "--data", unfinished, check=False)
        assert done.returncode == 1 and "run `cloudlet restore` again" in done.stderr, done.stderr
    command("restore", tmp_path / "backup", "--data", tmp_path / "data")
    assert not unfinished.exists()
    again = servers(tmp_path / "data")
    assert len(names(again)) == 200 and invoke(again, "f") == "kept"


def test_several_restores_from_one_archive_while_it_grows(servers, tmp_path):
    archive = tmp_path / "archive"
    server = servers(options=["--archive", archive])
    create_table(server)
    create_function(server, "f", "kept")
    put(server, "a")
    wait_for_archive(server)
    moment, stopping = now(), threading.Event()

    def write():
        for number in itertools.count():
            if stopping.is_set():
                return
            put(server, f"later-{number}")

    writer = threading.Thread(target=write)
    writer.start()
    places = [tmp_path / f"data-{number}" for number in range(3)]
    restores = [subprocess.Popen([BINARY, "restore", "--archive", archive, "--at", moment, "--data", place], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for place in places]
    said = [restore.communicate(timeout=120)[0] for restore in restores]
    stopping.set()
    writer.join()
    assert [restore.returncode for restore in restores] == [0, 0, 0], said
    for place in places:
        again = servers(place)
        assert names(again) == {"a"} and invoke(again, "f") == "kept"


def test_what_is_older_than_wanted_leaves_the_archive(servers, tmp_path):
    archive = tmp_path / "archive"
    server = servers(options=["--archive", archive, "--archive-keep", "2s"])
    create_table(server)
    wait_for_archive(server)
    begin, count = archive_status(server)["Since"], itertools.count()

    def moved():
        put(server, f"n{next(count)}")
        return archive_status(server)["Since"] > begin

    wait_until(moved, what="the first moment moving on")
    assert "archive: any moment since " in server.run("status").stdout
    put(server, "last")
    wait_for_archive(server)
    server.kill()
    command("restore", "--archive", archive, "--data", tmp_path / "data")
    assert {"n0", "last"} <= names(servers(tmp_path / "data"))
    said = command("archive", "prune", archive, "--keep", "0s").stdout
    since = re.search(r"Any moment since (\S+) can be brought back", said)[1]
    early = command("restore", "--archive", archive, "--at", begin, "--data", tmp_path / "early", check=False)
    assert early.returncode == 1 and "nothing earlier can be brought back" in early.stderr
    command("restore", "--archive", archive, "--at", since, "--data", tmp_path / "since")
    assert "n0" in names(servers(tmp_path / "since"))


def test_a_damaged_log_is_told_of_and_repaired_only_when_asked(servers):
    server = servers()
    create_table(server)
    put(server, *[f"name-{number}" for number in range(30)])
    server.kill()
    log = next(path for path in server.data.glob("log-*") if path.read_bytes().startswith(b"cloudlog"))
    content = bytearray(log.read_bytes())
    content[content.index(b"name-10")] ^= 1
    log.write_bytes(content)
    refused = command("serve", "--data", server.data, "--listen", "127.0.0.1:0", check=False)
    assert refused.returncode != 0 and re.search(r"damaged in log-\d+, at byte \d+", refused.stderr)
    told = command("repair", "--data", server.data, check=False)
    assert told.returncode != 0 and "nothing was changed" in told.stderr and re.search(r"lost is batch \d+ and everything after it; of that, \d+ batches", told.stdout)
    assert log.read_bytes() == content
    assert "can be opened again" in command("repair", "--data", server.data, "--accept-loss").stdout
    server.start()
    assert names(server) == {f"name-{number}" for number in range(10)}
    server.stop()
    assert "nothing to mend" in command("repair", "--data", server.data).stdout
    server.start()


def test_a_copy_without_its_master_key_says_so(servers, tmp_path):
    key, outside = tmp_path / "key", tmp_path / "outside"
    server = servers(options=["--master-key-file", key])
    assert key.stat().st_mode & 0o777 == 0o600 and not (server.data / "master-key").exists()
    server.run("backup", outside)
    # The file is not in the data folder, so it is not in the copy either.
    told = command("restore", outside, "--data", tmp_path / "restored").stderr
    assert "--master-key-file" in told and "sealed with the master key" in told
    refused = subprocess.run([BINARY, "serve", "--data", tmp_path / "restored", "--listen", "127.0.0.1:0"], text=True, capture_output=True, timeout=60)
    assert refused.returncode != 0 and "--master-key-file" in refused.stderr
    assert not (tmp_path / "restored/master-key").exists(), "no other key is made in its place"
    given = key.read_text().strip().removeprefix("CLOUDLET_MASTER_KEY=")
    assert servers(tmp_path / "restored", env={"CLOUDLET_MASTER_KEY": given}).client("sqs").list_queues()


def test_the_master_key_is_in_a_copy_where_the_data_folder_has_it_and_can_be_changed(servers, tmp_path):
    server = servers()
    file = server.data / "master-key"
    before = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    server.run("backup", tmp_path / "copy")
    assert "warning" not in command("restore", tmp_path / "copy", "--data", tmp_path / "restored").stderr
    assert (tmp_path / "restored/master-key").read_text() == before
    assert command("keys", "rotate", "--data", server.data, check=False).returncode != 0, "a server runs on it"
    assert server.stop()
    told = command("keys", "rotate", "--data", server.data).stdout
    after = file.read_text()
    assert after != before and before.strip() not in told and after.strip() not in told
    file.write_text(before)
    refused = subprocess.run([BINARY, "serve", "--data", server.data, "--listen", "127.0.0.1:0"], text=True, capture_output=True, timeout=60)
    assert refused.returncode != 0 and "sealed with the master key" in refused.stderr
    file.write_text(after)
    server.start()
    assert server.client("sqs").list_queues()
