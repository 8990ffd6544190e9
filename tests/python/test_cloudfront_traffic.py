"""What viewers of distributions get: from buckets and servers, out of the cache, and never what is not for them."""

import base64
import gzip
import json
import threading
import time

import pytest
from cdn import BY_ORIGIN, EVERYTHING, NOT_CACHED, Viewer, behavior, bucket, config, http_server, invalidate, listed, made, methods
from cloudlet import Server, wait_until
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from http_endpoint import HttpEndpoint


class World:
    """A server, an origin of HTTP, and clients."""

    def __init__(self):
        self.origin = HttpEndpoint()
        self.server = Server(options=["--allow-loopback", self.origin.port])
        self.s3, self.cloudfront = self.server.client("s3"), self.server.client("cloudfront")

    def answer(self, status=200, body="", **headers):
        self.origin.received.clear()
        self.origin.answer = lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)

    def site(self, *origins, **more):
        origins = origins or (http_server(self.origin.port),)
        distribution = made(self.cloudfront, config(*origins, **more))
        return Viewer(self.server, distribution), distribution

    def fetched(self):
        return [(request.method, request.path) for request in self.origin.received]


@pytest.fixture(scope="module")
def world():
    world = World()
    yield world
    world.origin.close()
    assert world.server.stop(), world.server.logged()


def protected(world, name, distribution=None):
    """A bucket that CloudFront alone may read, for one distribution if one is named."""
    condition = {"Condition": {"StringEquals": {"AWS:SourceArn": distribution["ARN"]}}} if distribution else {}
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    document = {"Version": "2012-10-17", "Statement": [statement | condition]}
    world.s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))


def control(world, name):
    document = {"Name": name, "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
    return world.cloudfront.create_origin_access_control(OriginAccessControlConfig=document)["OriginAccessControl"]["Id"]


def test_a_bucket_is_read_under_its_policy_and_cached(world, unique):
    world.s3.create_bucket(Bucket=unique)
    world.s3.put_object(Bucket=unique, Key="a b.txt", Body=b"hello", ContentType="text/plain", CacheControl="max-age=60")
    viewer, distribution = world.site(bucket(unique, OriginAccessControlId=control(world, unique)))
    assert viewer.get("/a%20b.txt").status == 403
    protected(world, unique, {"ARN": distribution["ARN"] + "x"})
    invalidate(world.cloudfront, distribution, "/*")
    assert viewer.get("/a%20b.txt").status == 403
    protected(world, unique, distribution)
    invalidate(world.cloudfront, distribution, "/*")
    first, second = viewer.get("/a%20b.txt"), viewer.get("/a%20b.txt")
    assert (first.status, first.body, first.headers["content-type"], first.cache) == (200, b"hello", "text/plain", "Miss")
    assert (second.body, second.cache, second.headers["age"] is not None) == (b"hello", "Hit", True)
    assert "cloudfront.net (CloudFront)" in second.headers["via"] and second.headers["x-amz-cf-id"]
    world.s3.put_object(Bucket=unique, Key="a b.txt", Body=b"other")
    assert viewer.get("/a%20b.txt").body == b"hello"
    invalidate(world.cloudfront, distribution, "/a%20*")
    assert viewer.get("/a%20b.txt").body == b"other"
    head = viewer.send("HEAD", "/a%20b.txt")
    assert (head.status, head.headers["content-length"], head.body, head.cache) == (200, "5", b"", "Hit")
    # Nobody else gets in by the same way, and nothing but objects is shown.
    stranger, _ = world.site(bucket(unique))
    assert stranger.get("/a%20b.txt").status == 403
    assert viewer.get("/").status == 403


def test_an_identity_of_old_is_let_in_by_its_name(world, unique):
    identity = world.cloudfront.create_cloud_front_origin_access_identity(
        CloudFrontOriginAccessIdentityConfig={"CallerReference": unique, "Comment": ""}
    )["CloudFrontOriginAccessIdentity"]["Id"]
    world.s3.create_bucket(Bucket=unique)
    world.s3.put_object(Bucket=unique, Key="a", Body=b"hello")
    arn = f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {identity}"
    statement = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{unique}/*"}
    world.s3.put_bucket_policy(Bucket=unique, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    viewer, _ = world.site(bucket(unique) | {"S3OriginConfig": {"OriginAccessIdentity": f"origin-access-identity/cloudfront/{identity}"}})
    assert viewer.get("/a").body == b"hello"


def test_a_single_page_application(world, unique):
    world.s3.create_bucket(Bucket=unique)
    world.s3.put_object(Bucket=unique, Key="index.html", Body=b"<app>", ContentType="text/html")
    page = {"ErrorCode": 403, "ResponsePagePath": "/index.html", "ResponseCode": "200", "ErrorCachingMinTTL": 0}
    viewer, _ = world.site(
        bucket(unique, OriginAccessControlId=control(world, unique)), DefaultRootObject="index.html", CustomErrorResponses=listed(page)
    )
    protected(world, unique)
    for path in ["/", "/some/route", "/index.html"]:
        answer = viewer.get(path)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"<app>", "text/html"), path


def test_aliases_and_paths_lead_to_a_distribution(world):
    world.answer(body="x")
    viewer, distribution = world.site(Aliases=listed("www.example.com", "*.apps.example.com"))
    for host in ["www.example.com", "WWW.example.com:80", "a.apps.example.com", distribution["Id"].lower() + ".cloudfront.net"]:
        assert viewer.get("/a", Host=host).body == b"x", host
    label = distribution["DomainName"].split(".")[0]
    assert viewer.get(f"/_aws/cloudfront/{label}/a", Host="localhost").body == b"x"
    assert viewer.get("/a", Host="other.example.com").headers["x-cache"] is None
    assert viewer.get("/a", Host="d0.cloudfront.localhost").status == 403


def test_what_is_not_keyed_never_reaches_the_origin(world):
    world.answer(body="x", cache_control="max-age=60")
    viewer, distribution = world.site()
    evil = {"X_Forwarded_Host": "evil", "Cookie": "a=1", "Authorization": "secret", "X_Original_URL": "/admin", "Accept_Language": "de"}
    assert viewer.get("/a?x=1", **evil, User_Agent="mine").cache == "Miss"
    assert viewer.get("/a?y=2").cache == "Hit"
    (request,) = world.origin.received
    assert request.path == "/a" and request.headers["user-agent"] == "Amazon CloudFront"
    assert request.headers["host"] == f"127.0.0.1:{world.origin.port}" and request.headers["x-forwarded-for"] == "127.0.0.1"
    for name in evil:
        assert request.headers[name.replace("_", "-")] is None, name
    assert request.headers["x-amz-cf-id"] and "CloudFront" in request.headers["via"]


def test_policies_say_what_is_forwarded(world):
    world.answer(body="x")
    all_viewer = "216adef6-5c7f-47e4-b989-5492eafa07d3"
    viewer, _ = world.site(
        http_server(world.origin.port, OriginPath="/base", CustomHeaders=listed({"HeaderName": "X-Secret", "HeaderValue": "s"})),
        default=behavior(policy=NOT_CACHED, OriginRequestPolicyId=all_viewer, AllowedMethods=methods(*EVERYTHING)),
    )
    answer = viewer.send("POST", "/a?x=1&y", body="hello", Cookie="a=1; b=2", X_Other="1", X_Secret="mine", Content_Type="text/x")
    assert (answer.status, answer.cache) == (200, "Miss")
    (request,) = world.origin.received
    assert (request.method, request.path, request.body) == ("POST", "/base/a?x=1&y", "hello")
    sent = {name: request.headers[name] for name in ("host", "cookie", "x-other", "x-secret", "content-type")}
    assert sent == {"host": viewer.host, "cookie": "a=1; b=2", "x-other": "1", "x-secret": "s", "content-type": "text/x"}
    assert viewer.get("/a").cache == viewer.get("/a").cache == "Miss"


def test_legacy_forwarding_is_keyed(world):
    world.answer(body="x")
    forwarded = {"QueryString": True, "QueryStringCacheKeys": listed("page"), "Cookies": {"Forward": "whitelist", "WhitelistedNames": listed("lang")}}
    legacy = behavior() | {"ForwardedValues": forwarded | {"Headers": listed("Accept")}, "MinTTL": 0, "DefaultTTL": 60}
    del legacy["CachePolicyId"]
    viewer, _ = world.site(default=legacy)
    assert viewer.get("/a?page=1&x=1", Cookie="lang=de; id=1").cache == "Miss"
    assert viewer.get("/a?page=1&x=2", Cookie="lang=de; id=2").cache == "Hit"
    assert viewer.get("/a?page=2").cache == viewer.get("/a?page=1", Cookie="lang=en").cache == "Miss"
    assert viewer.get("/a?page=1&x=1", Cookie="lang=de", Accept="text/html").cache == "Miss"
    assert world.origin.received[0].path == "/a?page=1&x=1" and world.origin.received[0].headers["cookie"] == "lang=de"


def test_what_origins_say_is_kept_to(world):
    viewer, _ = world.site(default=behavior(policy=BY_ORIGIN))
    for value in ["no-store", "private", "no-cache", "max-age=0"]:
        world.answer(body="x", cache_control=value)
        assert [viewer.get(f"/{value}").cache for _ in range(2)] == ["Miss", "Miss"], value
    world.answer(body="x", cache_control="s-maxage=60, max-age=0")
    assert [viewer.get("/shared").cache for _ in range(2)] == ["Miss", "Hit"]
    world.answer(body="x", cache_control="max-age=60", set_cookie="session=1")
    kept, _ = world.site()
    assert [kept.get("/cookie").headers["set-cookie"] for _ in range(2)] == [None, None]


def test_what_is_stale_is_asked_about(world):
    viewer, _ = world.site(default=behavior(policy=BY_ORIGIN))
    world.answer(body="one", cache_control="max-age=1", etag='"a"')
    assert viewer.get("/e").body == b"one"
    world.origin.received.clear()
    world.origin.answer = lambda request: (304, {"Cache-Control": "max-age=60", "Content-Length": "0"}, "")
    wait_until(lambda: viewer.get("/e").cache == "RefreshHit", what="a confirmation")
    assert world.origin.received[0].headers["if-none-match"] == '"a"'
    answer = viewer.get("/e")
    assert (answer.status, answer.body, answer.cache) == (200, b"one", "Hit")
    assert viewer.get("/e", If_None_Match='W/"a"').status == 304


def test_errors_do_not_replace_what_is_there(world):
    viewer, _ = world.site(default=behavior(policy=BY_ORIGIN))
    world.answer(body="one", cache_control="max-age=1", etag='"a"')
    assert viewer.get("/s").body == b"one"
    time.sleep(1.1)
    world.answer(status=500, body="broken")
    answer = viewer.get("/s")
    assert (answer.status, answer.body) == (200, b"one") and world.fetched()
    world.answer(body="two", cache_control="max-age=1, stale-if-error=0", etag='"b"')
    assert viewer.get("/t").body == b"two"
    time.sleep(1.1)
    world.answer(status=503, body="broken")
    assert viewer.get("/t").status == 503


def test_what_is_stale_is_given_out_while_it_is_renewed(world):
    viewer, _ = world.site(default=behavior(policy=BY_ORIGIN))
    world.answer(body="one", cache_control="max-age=1, stale-while-revalidate=60")
    assert viewer.get("/w").body == b"one"
    time.sleep(1.1)
    world.answer(body="two", cache_control="max-age=60")
    assert viewer.get("/w").body == b"one"
    wait_until(lambda: viewer.get("/w").body == b"two", what="the renewal")
    assert len(world.origin.received) == 1


def test_one_request_for_many_viewers(world):
    viewer, _ = world.site()
    world.origin.received.clear()

    def slow(_):
        time.sleep(0.5)
        return 200, {"Cache-Control": "max-age=60"}, "x" * 3_000_000

    world.origin.answer = slow
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(viewer.get("/many"))) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [len(answer.body) for answer in answers] == [3_000_000] * 12 and len(world.origin.received) == 1


def test_ranges(world):
    viewer, _ = world.site()
    body = "".join(chr(97 + number % 26) for number in range(1_000))
    world.answer(body=body, cache_control="max-age=60", etag='"a"')
    assert viewer.get("/r").status == 200
    for asked, part in [("bytes=0-9", body[:10]), ("bytes=990-", body[990:]), ("bytes=-5", body[-5:])]:
        answer = viewer.get("/r", Range=asked)
        assert (answer.status, answer.body.decode(), answer.cache) == (206, part, "Hit"), asked
        assert answer.headers["content-range"].endswith("/1000")
    assert viewer.get("/r", Range="bytes=1000-").status == 416
    assert viewer.get("/r", Range="bytes=0-9", If_Range='"b"').status == 200
    world.origin.received.clear()
    world.origin.answer = lambda request: (206, {"Content-Range": "bytes 5-9/1000"}, "fghij")
    assert viewer.get("/fresh", Range="bytes=5-9").body == b"fghij" and world.origin.received[0].headers["range"] == "bytes=5-9"


def test_compression(world):
    viewer, _ = world.site()
    body = "compress me " * 1_000
    world.answer(body=body, content_type="text/html", cache_control="max-age=60", etag='"a"')
    plain, zipped = viewer.get("/c"), viewer.get("/c", Accept_Encoding="gzip, deflate")
    assert plain.body.decode() == gzip.decompress(zipped.body).decode() == body
    assert (zipped.headers["content-encoding"], zipped.headers["etag"], zipped.headers["vary"]) == ("gzip", 'W/"a"', "Accept-Encoding")
    brotli = viewer.get("/c", Accept_Encoding="gzip, br")
    assert brotli.headers["content-encoding"] == "br" and len(brotli.body) < 200
    assert viewer.get("/c", Accept_Encoding="gzip").cache == "Hit"
    world.answer(body=body, content_type="image/png", cache_control="max-age=60")
    assert viewer.get("/i", Accept_Encoding="br").headers["content-encoding"] is None


def test_methods_and_protocols(world):
    world.answer(body="x")
    viewer, distribution = world.site(default=behavior() | {"ViewerProtocolPolicy": "redirect-to-https"})
    assert viewer.send("POST", "/a", body="x").status == 403
    moved = viewer.get("/a?b=1", X_Forwarded_Proto="http")
    assert (moved.status, moved.headers["location"]) == (301, f"https://{distribution['DomainName']}/a?b=1")
    assert moved.headers["x-cache"] == "Redirect from cloudfront"
    assert viewer.get("/a", X_Forwarded_Proto="https").status == 200
    only, _ = world.site(default=behavior() | {"ViewerProtocolPolicy": "https-only"})
    assert only.get("/a", X_Forwarded_Proto="http").status == 403


def test_behaviours_are_chosen_by_the_path_that_is_meant(world):
    world.answer(body="x")
    closed = {"PathPattern": "/private/*", **behavior(), "ViewerProtocolPolicy": "https-only"}
    viewer, _ = world.site(CacheBehaviors=listed(closed))
    for path in ["/private/a", "/open/../private/a", "/%70rivate/a", "/open/%2e%2e/private/a"]:
        assert viewer.get(path, X_Forwarded_Proto="http").status == 403, path
    assert viewer.get("/private", X_Forwarded_Proto="http").status == 200


def test_errors_of_origins(world):
    world.answer(status=404, body="none")
    page = {"ErrorCode": 404, "ResponsePagePath": "/missing.html", "ResponseCode": "404", "ErrorCachingMinTTL": 60}
    viewer, _ = world.site(CustomErrorResponses=listed(page))
    world.origin.answer = lambda request: (200, {}, "sorry") if request.path == "/missing.html" else (404, {}, "none")
    answer = viewer.get("/nothing")
    assert (answer.status, answer.body, answer.headers["x-cache"]) == (404, b"sorry", "Error from cloudfront")
    world.origin.received.clear()
    assert viewer.get("/nothing").body == b"sorry" and not world.origin.received
    gone, _ = world.site(http_server(1))
    answer = gone.get("/a")
    assert answer.status == 502 and b"could not be satisfied" in answer.body


def test_a_second_origin_takes_over(world):
    world.answer(body="second")
    first, second = http_server(1, Id="first"), http_server(world.origin.port, Id="second")
    group = {"Id": "both", "FailoverCriteria": {"StatusCodes": listed(502, 503)}, "Members": listed({"OriginId": "first"}, {"OriginId": "second"})}
    viewer, _ = world.site(first, second, default=behavior(target="both"), OriginGroups=listed(group))
    assert viewer.get("/a").body == b"second"


def test_response_headers(world, unique):
    world.answer(body="x", x_powered_by="y", cache_control="max-age=60")
    cors = {
        "AccessControlAllowOrigins": listed("https://*.example.com"),
        "AccessControlAllowHeaders": listed("x-a"),
        "AccessControlAllowMethods": listed("ALL"),
        "AccessControlAllowCredentials": True,
        "OriginOverride": True,
    }
    policy = {
        "Name": unique,
        "CorsConfig": cors,
        "SecurityHeadersConfig": {"FrameOptions": {"Override": True, "FrameOption": "DENY"}},
        "CustomHeadersConfig": listed({"Header": "x-own", "Value": "1", "Override": True}),
        "RemoveHeadersConfig": listed({"Header": "X-Powered-By"}),
    }
    id_ = world.cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig=policy)["ResponseHeadersPolicy"]["Id"]
    viewer, _ = world.site(default=behavior(ResponseHeadersPolicyId=id_, AllowedMethods=methods("GET", "HEAD", "OPTIONS")))
    page = viewer.get("/a", Origin="https://a.example.com").headers
    assert (page["access-control-allow-origin"], page["access-control-allow-credentials"]) == ("https://a.example.com", "true")
    assert (page["x-frame-options"], page["x-own"], page["x-powered-by"]) == ("DENY", "1", None)
    assert viewer.get("/a", Origin="https://evil.example").headers["access-control-allow-origin"] is None
    preflight = viewer.send("OPTIONS", "/a", Origin="https://a.example.com", Access_Control_Request_Method="PUT").headers
    assert "PUT" in preflight["access-control-allow-methods"] and preflight["access-control-allow-headers"] == "x-a"


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def for_url(data):
    return base64.b64encode(data).decode().translate(str.maketrans("+=/", "-_~"))


def signature(policy):
    return for_url(KEY.sign(policy.encode(), padding.PKCS1v15(), hashes.SHA1()))


def policy_for(resource, until, **more):
    condition = {"DateLessThan": {"AWS:EpochTime": until}} | more
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":"))


@pytest.fixture(scope="module")
def closed(world):
    """A distribution for those alone who show a signature, and the id of the key."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    key = world.cloudfront.create_public_key(PublicKeyConfig={"CallerReference": "closed", "Name": "closed", "EncodedKey": pem})["PublicKey"]["Id"]
    group = world.cloudfront.create_key_group(KeyGroupConfig={"Name": "closed", "Items": [key]})["KeyGroup"]["Id"]
    world.answer(body="secret", cache_control="max-age=60")
    viewer, _ = world.site(default=behavior(policy=BY_ORIGIN, TrustedKeyGroups={"Enabled": True, **listed(group)}))
    return viewer, key


def test_signed_urls(world, closed):
    viewer, key = closed
    until = int(time.time()) + 60
    url = f"http://{viewer.host}/v.mp4?x=1"
    canned = f"&Expires={until}&Signature={signature(policy_for(url, until))}&Key-Pair-Id={key}"
    world.origin.received.clear()
    assert viewer.get(f"/v.mp4?x=1{canned}").body == b"secret"
    assert world.fetched() == [("GET", "/v.mp4?x=1")]
    custom = policy_for(f"http*://{viewer.host.split(':')[0]}*/v*", until, IpAddress={"AWS:SourceIp": "127.0.0.0/8"})
    assert viewer.get(f"/v.mp4?x=1&Policy={for_url(custom.encode())}&Signature={signature(custom)}&Key-Pair-Id={key}").cache == "Hit"
    for path, code in [
        ("/v.mp4?x=1", "MissingKey"),
        (f"/v.mp4?x=2{canned}", "AccessDenied"),
        (f"/w.mp4?x=1{canned}", "AccessDenied"),
        (f"/v.mp4?x=1{canned.replace(f'={until}', f'={until + 1}')}", "AccessDenied"),
        (f"/v.mp4?x=1{canned}0", "InvalidKey"),
        (f"/v.mp4?x=1&Expires={until}&Signature=x&Key-Pair-Id={key}", "MalformedSignature"),
    ]:
        answer = viewer.get(path)
        assert answer.status == 403 and f"<Code>{code}</Code>" in answer.body.decode(), (path, answer.body)
    past = int(time.time()) - 1
    expired = f"?x=1&Expires={past}&Signature={signature(policy_for(url, past))}&Key-Pair-Id={key}"
    assert viewer.get(f"/v.mp4{expired}").status == 403


def test_signed_cookies(world, closed):
    viewer, key = closed
    until = int(time.time()) + 60
    policy = policy_for(f"http://{viewer.host}/c/*", until)
    cookies = f"CloudFront-Policy={for_url(policy.encode())}; CloudFront-Signature={signature(policy)}; CloudFront-Key-Pair-Id={key}"
    assert viewer.get("/c/a", Cookie=cookies).body == b"secret"
    assert viewer.get("/d/a", Cookie=cookies).status == 403


def test_large_bodies_go_through(world, unique):
    world.s3.create_bucket(Bucket=unique)
    protected(world, unique)
    body = bytes(range(256)) * (24 << 12)
    world.s3.put_object(Bucket=unique, Key="large", Body=body)
    viewer, _ = world.site(bucket(unique, OriginAccessControlId=control(world, unique)))
    assert viewer.get("/large").body == body and viewer.get("/large").cache == "Hit"
    assert viewer.get("/large", Range="bytes=9000000-9000009").body == body[9_000_000:9_000_010]


def test_figures_are_told(world):
    text = Viewer(world.server, {"DomainName": "localhost"}).get("/_cloudlet/metrics").body.decode()
    figures = dict(line.split() for line in text.splitlines() if line.startswith("cloudlet_cdn_"))
    assert float(figures["cloudlet_cdn_hits"]) > 0 and float(figures["cloudlet_cdn_misses"]) > 0 and float(figures["cloudlet_cdn_hit_bytes"]) > 0
    assert world.server.run("status").stdout.count("answers from the cache") == 1
    assert json.loads(world.server.run("status", "--json").stdout)["Cdn"]["hits"] > 0


def test_a_disabled_distribution_answers_nothing(world):
    world.answer(body="x")
    viewer, distribution = world.site()
    assert viewer.get("/a").status == 200
    current = world.cloudfront.get_distribution_config(Id=distribution["Id"])
    document = current["DistributionConfig"] | {"Enabled": False}
    world.cloudfront.update_distribution(Id=distribution["Id"], IfMatch=current["ETag"], DistributionConfig=document)
    assert viewer.get("/a").status == 403


def test_a_crash_leaves_distributions_and_no_cached_bytes(unique):
    origin = HttpEndpoint()
    origin.answer = lambda _: (200, {"Cache-Control": "max-age=600"}, "x" * 3_000_000)
    server = Server(options=["--allow-loopback", origin.port])
    try:
        distribution = made(server.client("cloudfront"), config(http_server(origin.port), Aliases=listed("crash.example.com")))
        viewer = Viewer(server, distribution)
        assert len(viewer.get("/a").body) == 3_000_000
        files = list((server.data / "cdn").iterdir())
        assert files and not any(b"x" * 16 in file.read_bytes() for file in files), "a file is sealed"
        server.kill()
        server.start()
        assert not list((server.data / "cdn").iterdir())
        origin.answer = lambda _: (200, {"Cache-Control": "max-age=600"}, "new")
        viewer = Viewer(server, distribution)
        assert viewer.get("/a", Host="crash.example.com").body == b"new"
    finally:
        origin.close()
        server.stop()
