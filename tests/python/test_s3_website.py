"""Buckets as websites: what browsers get at an address of its own, where everybody is nobody."""

import http.client
import urllib.parse

import pytest
from test_s3 import code
from test_s3_settings import allow, policy

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


class Site:
    """A browser that looks at a bucket."""

    def __init__(self, server, bucket, by_path=False):
        self.at = urllib.parse.urlsplit(server.endpoint)
        self.host = self.at.netloc if by_path else f"{bucket}.s3-website.localhost:{self.at.port}"
        self.base = f"/_aws/s3-website/{bucket}" if by_path else ""

    def get(self, path, method="GET", **headers):
        """Status, body and headers; redirects are not followed."""
        connection = http.client.HTTPConnection(self.at.hostname, self.at.port, timeout=60)
        connection.request(method, self.base + path, headers={"Host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}})
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response.status, body, response.headers

    def goes(self, path):
        """Status and place of a redirect."""
        status, body, headers = self.get(path)
        assert body == ""
        return status, headers["Location"]


@pytest.fixture
def bucket(s3, unique):
    """A bucket that everybody may read."""
    s3.create_bucket(Bucket=unique)
    s3.delete_public_access_block(Bucket=unique)
    s3.put_bucket_policy(Bucket=unique, Policy=policy(allow("*", "s3:GetObject", f"arn:aws:s3:::{unique}/*")))
    for key in ["index.html", "docs/index.html", "a b.html", "404.html"]:
        s3.put_object(Bucket=unique, Key=key, Body=f"<p>{key}</p>".encode(), ContentType="text/html")
    return unique


def put(s3, bucket, **website):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=website)


def listing(s3, bucket):
    """Lets everybody know which keys there are."""
    statements = [allow("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/*"), allow("*", "s3:ListBucket", f"arn:aws:s3:::{bucket}")]
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))


def test_configurations_are_kept(server, s3, bucket):
    assert code(s3.get_bucket_website, Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)
    status, body, _ = Site(server, bucket).get("/")
    assert status == 404 and "<li>Code: NoSuchWebsiteConfiguration</li>" in body
    rules = [{"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}}]
    put(s3, bucket, **INDEX, ErrorDocument={"Key": "404.html"}, RoutingRules=rules)
    got = s3.get_bucket_website(Bucket=bucket)
    assert (got["IndexDocument"], got["ErrorDocument"], got["RoutingRules"]) == (INDEX["IndexDocument"], {"Key": "404.html"}, rules)
    assert "RedirectAllRequestsTo" not in got
    for bad in [{}, {"IndexDocument": {"Suffix": "a/b"}}, {**INDEX, "RedirectAllRequestsTo": {"HostName": "a"}}]:
        assert code(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=bad) == ("InvalidArgument", 400), bad
    for bad in [{"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {}}, {"Redirect": {"HttpRedirectCode": "200"}}]:
        assert code(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration={**INDEX, "RoutingRules": [bad]}) == ("InvalidRequest", 400), bad
    s3.delete_bucket_website(Bucket=bucket)
    assert code(s3.get_bucket_website, Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)


@pytest.mark.parametrize("by_path", [False, True], ids=["host", "path"])
def test_pages_have_an_index_in_each_folder(server, s3, bucket, by_path):
    put(s3, bucket, **INDEX)
    site = Site(server, bucket, by_path)
    status, body, headers = site.get("/")
    assert (status, body, headers["Content-Type"]) == (200, "<p>index.html</p>", "text/html")
    assert site.get("/docs/")[:2] == (200, "<p>docs/index.html</p>") and site.get("/a%20b.html")[:2] == (200, "<p>a b.html</p>")
    assert site.goes("/docs") == (302, f"{site.base}/docs/")
    assert site.get("/index.html", Range="bytes=3-7")[:2] == (206, "index")
    assert site.get("/index.html", If_None_Match=headers["ETag"])[:2] == (304, "")
    status, body, headers = site.get("/docs/", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, "", str(len("<p>docs/index.html</p>")))
    assert site.get("/", "POST")[0] == 405 and site.get("/", "DELETE")[0] == 405


def test_errors_are_pages(server, s3, bucket):
    put(s3, bucket, **INDEX)
    site = Site(server, bucket)
    # Whoever may not list the bucket does not learn what is not there.
    status, body, headers = site.get("/none%3Cb%3E")
    assert status == 403 and "<h1>403 Forbidden</h1>" in body and headers["Content-Type"].startswith("text/html")
    listing(s3, bucket)
    status, body, headers = site.get("/none%3Cb%3E")
    assert status == 404 and "<li>Code: NoSuchKey</li>" in body and "<li>Key: none&lt;b&gt;</li>" in body
    assert headers["x-amz-error-code"] == "NoSuchKey"
    put(s3, bucket, **INDEX, ErrorDocument={"Key": "404.html"})
    status, body, headers = site.get("/none")
    assert (status, body, headers["x-amz-error-code"]) == (404, "<p>404.html</p>", "NoSuchKey")
    put(s3, bucket, **INDEX, ErrorDocument={"Key": "missing.html"})
    status, body, _ = site.get("/none")
    assert status == 404 and "Retrieve a Custom Error Document" in body
    assert Site(server, "no-such-bucket-anywhere").get("/")[0] == 404


def test_lists_make_websites_too(server, s3, bucket):
    s3.delete_bucket_policy(Bucket=bucket)
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for key in ["index.html", "404.html"]:
        s3.put_object_acl(Bucket=bucket, Key=key, ACL="public-read")
    app = {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "app/"}, "Redirect": {"ReplaceKeyWith": "index.html"}}
    put(s3, bucket, **INDEX, ErrorDocument={"Key": "404.html"}, RoutingRules=[app])
    site = Site(server, bucket)
    assert site.get("/")[0] == 200 and site.get("/docs/")[0] == 403
    assert site.get("/none")[:2] == (404, "<p>404.html</p>")
    assert site.goes("/app/none") == (301, f"http://{site.host}/index.html")


def test_only_what_everybody_may_read_is_shown(server, s3, bucket):
    put(s3, bucket, **INDEX)
    site = Site(server, bucket)
    assert site.get("/")[0] == 200
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert site.get("/")[0] == 403
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("*", "s3:GetObject", f"arn:aws:s3:::{bucket}/docs/*")))
    assert site.get("/")[0] == 403 and site.get("/docs/")[0] == 200


def test_requests_are_sent_elsewhere(server, s3, bucket):
    site = Site(server, bucket)
    put(s3, bucket, RedirectAllRequestsTo={"HostName": "a.example", "Protocol": "https"})
    assert site.goes("/x/y?z=1") == (301, "https://a.example/x/y?z=1")
    listing(s3, bucket)
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {"Condition": {"KeyPrefixEquals": "away/"}, "Redirect": {"HostName": "b.example", "Protocol": "https", "HttpRedirectCode": "307"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "app/"}, "Redirect": {"ReplaceKeyWith": "index.html", "HttpRedirectCode": "302"}},
    ]
    put(s3, bucket, **INDEX, RoutingRules=rules)
    assert site.goes("/old/a%20b") == (301, f"http://{site.host}/new/a%20b")
    assert site.goes("/away/x") == (307, "https://b.example/away/x")
    assert site.goes("/app/none") == (302, f"http://{site.host}/index.html")
    assert site.get("/none")[0] == 404
    by_path = Site(server, bucket, by_path=True)
    assert by_path.goes("/old/x") == (301, f"http://{by_path.host}{by_path.base}/new/x")


def test_objects_may_say_that_they_are_elsewhere(server, s3, bucket):
    put(s3, bucket, **INDEX)
    s3.put_object(Bucket=bucket, Key="moved", WebsiteRedirectLocation="/docs/")
    s3.put_object(Bucket=bucket, Key="gone", WebsiteRedirectLocation="https://a.example/x")
    site, by_path = Site(server, bucket), Site(server, bucket, by_path=True)
    assert site.goes("/moved") == (301, "/docs/") and by_path.goes("/moved") == (301, f"{by_path.base}/docs/")
    assert site.goes("/gone") == (301, "https://a.example/x")
    # Elsewhere than at the website, it is a header.
    assert s3.get_object(Bucket=bucket, Key="moved")["WebsiteRedirectLocation"] == "/docs/"


def test_names_with_dots_are_websites_too(server, s3):
    s3.create_bucket(Bucket="www.site.example")
    s3.delete_public_access_block(Bucket="www.site.example")
    s3.put_bucket_policy(Bucket="www.site.example", Policy=policy(allow("*", "s3:GetObject", "arn:aws:s3:::www.site.example/*")))
    s3.put_object(Bucket="www.site.example", Key="index.html", Body=b"dots")
    put(s3, "www.site.example", **INDEX)
    assert Site(server, "www.site.example").get("/")[:2] == (200, "dots")
