"""A site in one line of a serverless.yml: its files in a bucket, behind a distribution, and as they are after each deployment."""

import gzip
import io
import re
import shutil
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from cdn import Viewer
from cloudlet import wait_until
from PIL import Image
from test_dev import Dev
from test_thumbnails import picture

CONFIG = """
service: {name}
provider: {{ name: aws }}
custom: {{ cloudlet: {{ site: dist }} }}
"""
# Fails once the files are there.
BROKEN = """
resources:
  Resources:
    Broken: { Type: AWS::SQS::Queue, DependsOn: SiteFiles, Properties: { QueueName: "no name!" } }
"""
HASHED = "assets/index-BX3k2a9Z.js"
STYLE = "body { color: red }\n" * 200
IMMUTABLE = "public, max-age=31536000, immutable"


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


class Site:
    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name
        self.s3 = server.client("s3")
        self.config()
        self.write({"index.html": "<h1>one</h1>", HASHED: "one()", "style.css": STYLE, "a b.txt": "ä", "pics/p.png": picture(kind="PNG"), ".env": "SECRET=1", ".well-known/x": "y"})

    def config(self, more=""):
        (self.folder / "serverless.yml").write_text(CONFIG.format(name=self.name) + more)

    def write(self, files):
        write(self.folder / "dist", files)

    def deploy(self, **options):
        done = self.server.run("deploy", self.folder, **options)
        if done.returncode == 0:
            self.url = re.search(r"SiteUrl: (http://\S+)", done.stdout).group(1)
        return done

    @property
    def viewer(self):
        return Viewer(self.server, {"DomainName": urlsplit(self.url).netloc})

    def bucket(self):
        return next(bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"] if bucket["Name"].startswith(f"{self.name}-dev-sitebucket"))

    def objects(self):
        return {entry["Key"]: entry["LastModified"] for entry in self.s3.list_objects_v2(Bucket=self.bucket()).get("Contents", [])}


@pytest.fixture
def site(server, tmp_path, unique):
    return Site(server, tmp_path, f"site-{unique}")


@pytest.mark.timeout(300)
def test_a_folder_becomes_a_site(site):
    site.deploy()
    get = site.viewer.get
    first = get("/")
    assert (first.status, first.body, first.headers["content-type"], first.headers["cache-control"]) == (200, b"<h1>one</h1>", "text/html; charset=utf-8", "no-cache")
    # A page's own script tells what is shown at a path that no file has.
    for path in ["/deep/link", "/index.html", "/.env"]:
        assert (get(path).status, get(path).body) == (200, b"<h1>one</h1>"), path
    hashed = get(f"/{HASHED}")
    assert (hashed.headers["content-type"], hashed.headers["cache-control"]) == ("text/javascript; charset=utf-8", IMMUTABLE)
    packed = get("/style.css", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body).decode() == STYLE
    assert (get("/a%20b.txt").body.decode(), get("/.well-known/x").body, get("/pics/p.png").headers["content-type"]) == ("ä", b"y", "image/png")
    assert site.viewer.send("GET", "/", X_Forwarded_Proto="http").status == 301
    # The bucket is nobody's but the distribution's.
    stranger = Viewer(site.server, {"DomainName": f"{site.bucket()}.s3.localhost"})
    assert stranger.get("/index.html").status == 403
    assert "up to date" in site.deploy().stdout


@pytest.mark.timeout(300)
def test_only_what_changed_is_sent_and_seen_at_once(site):
    site.deploy()
    before, get = site.objects(), site.viewer.get
    assert [get(path).status for path in ["/", "/style.css", "/a%20b.txt", "/new.txt"]] == [200] * 4
    assert get("/style.css").cache == "Hit"
    site.s3.put_object(Bucket=site.bucket(), Key="uploads/mine", Body=b"x")
    (site.folder / "dist/a b.txt").unlink()
    site.write({"index.html": "<h1>two</h1>", "new.txt": "new"})
    wait_until(lambda: datetime.now(timezone.utc) - max(before.values()) > timedelta(seconds=1), 5, "a time that differs from those before")
    site.deploy()
    after = site.objects()
    assert set(after) == set(before) - {"a b.txt"} | {"new.txt", "uploads/mine"}, "what others put there stays"
    assert {key for key in before if key in after and after[key] != before[key]} == {"index.html"}
    assert (get("/").body, get("/new.txt").body, get("/a%20b.txt").body) == (b"<h1>two</h1>", b"new", b"<h1>two</h1>")


@pytest.mark.timeout(300)
def test_a_deployment_that_is_taken_back_brings_the_files_from_before(site):
    site.config(BROKEN)
    failed = site.deploy(check=False)
    assert failed.returncode != 0 and "taken back" in failed.stderr
    assert not [bucket for bucket in site.s3.list_buckets()["Buckets"] if bucket["Name"].startswith(site.name)]
    site.config()
    site.deploy()
    assert site.viewer.get("/").body == b"<h1>one</h1>"
    site.config(BROKEN)
    shutil.rmtree(site.folder / "dist")
    site.write({"index.html": "<h1>two</h1>", "other.txt": "x"})
    failed = site.deploy(check=False)
    assert failed.returncode != 0 and "taken back" in failed.stderr
    assert (site.viewer.get("/").body, site.viewer.get(f"/{HASHED}").body, site.viewer.get("/other.txt").body) == (b"<h1>one</h1>", b"one()", b"<h1>one</h1>")
    assert "other.txt" not in site.objects() and HASHED in site.objects()


@pytest.mark.timeout(300)
def test_it_is_removed_with_all_that_was_made(site):
    site.deploy()
    bucket, viewer = site.bucket(), site.viewer
    # Its folder need not be there for that.
    shutil.rmtree(site.folder / "dist")
    site.server.run("remove", site.folder)
    with pytest.raises(ClientError):
        site.s3.head_bucket(Bucket=bucket)
    assert viewer.get("/").status == 403
    cloudfront = site.server.client("cloudfront")
    controls = cloudfront.list_origin_access_controls()["OriginAccessControlList"].get("Items", [])
    assert not [control for control in controls if control["Name"].startswith(site.name)]


@pytest.mark.parametrize("line, told", [("{ site: ../elsewhere }", "below the project's"), ("{ site: . }", "below the project's"), ("{ site: [a] }", "a text"), ("{ sites: dist }", "did you mean `site`?")])
def test_mistakes_are_told_where_they_are(site, line, told):
    (site.folder / "serverless.yml").write_text(CONFIG.format(name=site.name).replace("{ site: dist }", line))
    failed = site.deploy(check=False)
    assert failed.returncode != 0 and told in failed.stderr and "serverless.yml:4" in failed.stderr, failed.stderr


def test_a_site_has_to_be_built_first(site):
    (site.folder / "dist/index.html").unlink()
    failed = site.deploy(check=False)
    assert failed.returncode != 0 and "`dist` has no index.html" in failed.stderr


@pytest.mark.timeout(300)
def test_functions_have_none_of_it_and_the_template_can_add_to_it(site):
    site.folder.joinpath("handler.py").write_text("def main(event, context):\n    import os\n    return sorted(os.listdir())\n")
    origin = "{ Id: photos, DomainName: !GetAtt SiteBucket.RegionalDomainName, OriginAccessControlId: !GetAtt SiteAccess.Id, S3OriginConfig: { OriginAccessIdentity: '' } }"
    cached = "CachePolicyId: 658327ea-f89d-4fab-a63d-7e88639e58f6"
    site.config(
        f"""
functions: {{ list: {{ handler: handler.main, runtime: python3.12 }} }}
resources:
  Resources:
    SiteDistribution:
      Properties:
        Tags: [{{ Key: "cloudlet:images", Value: /pics/ }}]
        DistributionConfig:
          Origins: [{{}}, {origin}]
          CacheBehaviors: [{{ PathPattern: pics/*, TargetOriginId: photos, ViewerProtocolPolicy: allow-all, {cached} }}]
"""
    )
    site.deploy()
    answer = site.viewer.get("/pics/p.png?w=10")
    assert Image.open(io.BytesIO(answer.body)).size == (10, 5)
    lambda_ = site.server.client("lambda")
    assert lambda_.invoke(FunctionName=f"{site.name}-dev-list")["Payload"].read() == b'["handler.py"]'


@pytest.mark.timeout(300)
def test_saving_a_file_puts_it_in_place(tmp_path):
    site = SimpleNamespace(folder=tmp_path / "project")
    write(site.folder, {"serverless.yml": CONFIG.format(name="saved"), "dist/index.html": "one"})
    dev = Dev(site.folder)
    try:
        url = dev.wait_for(r"SiteUrl: (http://\S+)").group(1)
        netloc = urlsplit(url).netloc
        viewer = Viewer(SimpleNamespace(endpoint=f"http://127.0.0.1:{netloc.rsplit(':')[-1]}"), {"DomainName": netloc})
        assert viewer.get("/").body == b"one"
        write(site.folder, {"dist/index.html": "two"})
        wait_until(lambda: viewer.get("/").body == b"two", 60, "the saved page")
        shutil.rmtree(site.folder / "dist")
        dev.wait_for("has no index.html")
        write(site.folder, {"dist/index.html": "three"})
        wait_until(lambda: viewer.get("/").body == b"three", 60, "the page that was built again")
    finally:
        dev.stop()
