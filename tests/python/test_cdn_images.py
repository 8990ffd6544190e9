"""Images that a distribution makes of others, by the parameters of their URLs: cached, and refused where they would do harm."""

import io
import struct
import threading
import time
import zlib

import pytest
from botocore.exceptions import ClientError
from cdn import BY_ORIGIN, NOT_CACHED, Viewer, behavior, bucket, config, http_server, invalidate, listed, made, tagged
from cloudlet import Server
from cryptography.hazmat.primitives import serialization
from http_endpoint import HttpEndpoint
from PIL import Image
from test_cloudfront_traffic import KEY, control, policy_for, protected, signature
from test_thumbnails import picture

HOUR = "max-age=3600"


class Photos:
    """A bucket behind a distribution that makes images of what is beneath `/photos/`."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.s3, self.cloudfront = server.client("s3"), server.client("cloudfront")
        self.s3.create_bucket(Bucket=name)
        protected(self, name)
        self.distribution = tagged(self.cloudfront, config(bucket(name, OriginAccessControlId=control(self, name))), **{"cloudlet:images": "/photos/"})
        self.viewer = Viewer(server, self.distribution)

    def put(self, key, body, **more):
        self.s3.put_object(Bucket=self.name, Key=key, Body=body, **{"ContentType": "image/jpeg", "CacheControl": HOUR} | more)
        return self

    def image(self, path, **headers):
        answer = self.viewer.get(path, **headers)
        assert answer.status == 200, (path, answer.status, answer.body[:300])
        return Image.open(io.BytesIO(answer.body)), answer

    def made(self):
        """How many images the server has made."""
        return figures(self.server)["cloudlet_cdn_images"]


def figures(server):
    text = Viewer(server, {"DomainName": "localhost"}).get("/_cloudlet/metrics").body.decode()
    return {name: float(value) for name, value in (line.split() for line in text.splitlines() if line.startswith("cloudlet_cdn_"))}


def varies(answer):
    """Whether somebody who accepts other types may get something else."""
    return "Accept" in answer.headers.get_all("vary", [])


@pytest.fixture
def photos(server, unique):
    return Photos(server, unique)


def test_parameters_make_other_images(photos):
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    original = picture((400, 200), exif=exif, comment=b"a secret comment")
    photos.put("photos/a.jpg", original)
    cover, answer = photos.image("/photos/a.jpg?w=300&h=200&fit=cover&format=webp&q=80")
    assert (cover.size, cover.format, answer.headers["content-type"]) == ((300, 200), "WEBP", "image/webp")
    assert (answer.cache, answer.headers["cache-control"], varies(answer)) == ("Miss", HOUR, False)
    assert photos.image("/photos/a.jpg?w=100&rotate=90")[0].size == (100, 200)
    assert photos.image("/photos/a.jpg?rect=0,0,50,60&fm=png")[0].size == (50, 60)
    left = photos.image("/photos/a.jpg?w=100&h=100&fit=crop&crop=left&fm=png")[0].convert("RGB")
    assert left.getpixel((90, 50))[0] > 200, "the left half stays"
    sizes = [len(photos.image(f"/photos/a.jpg?q={quality}")[1].body) for quality in (5, 95)]
    assert sizes[0] < sizes[1]
    # Nothing that tells of the original is left, and all that is asked for is given.
    plain, answer = photos.image("/photos/a.jpg?w=400")
    assert b"secret" in original and b"secret" not in answer.body and not plain.getexif()
    assert answer.headers["etag"] != photos.viewer.get("/photos/a.jpg").headers["etag"]


def test_what_is_made_is_cached_like_any_object(photos):
    photos.put("photos/a.jpg", picture())
    url, before = "/photos/a.jpg?v=1&w=200", photos.made()
    first, second = photos.viewer.get(url), photos.viewer.get(url)
    assert (first.cache, second.cache, second.body) == ("Miss", "Hit", first.body) and int(second.headers["age"]) >= 0
    etag, length = first.headers["etag"], len(first.body)
    known = photos.viewer.get(url, If_None_Match=etag)
    assert (known.status, known.body, known.headers["etag"]) == (304, b"", etag)
    part = photos.viewer.get(url, Range="bytes=10-19")
    assert (part.status, part.body, part.headers["content-range"]) == (206, first.body[10:20], f"bytes 10-19/{length}")
    head = photos.viewer.send("HEAD", url)
    assert (head.status, head.headers["content-length"], head.headers["content-type"], head.body) == (200, str(length), "image/jpeg", b"")
    # Other parameters of the URL are the policy's matter, which does not name them; the order of ours is nobody's.
    assert photos.viewer.get("/photos/a.jpg?w=200&v=2").cache == "Hit"
    assert photos.made() - before == 1
    other = photos.viewer.send("HEAD", "/photos/a.jpg?w=201")
    assert (other.status, other.cache, other.headers["content-type"]) == (200, "Miss", "image/jpeg")
    assert photos.made() - before == 2


def test_browsers_get_what_they_read_under_a_key_for_each_outcome(photos):
    photos.put("photos/a.png", picture(kind="PNG"), ContentType="image/png")
    url, before = "/photos/a.png?w=50&format=auto", photos.made()
    answers = [photos.image(url, Accept=accept) for accept in ["image/webp,*/*", "text/html,image/avif;q=0,image/webp;q=0.8", "image/*"]]
    assert [(image.format, answer.cache) for image, answer in answers] == [("WEBP", "Miss"), ("WEBP", "Hit"), ("PNG", "Miss")]
    assert all(varies(answer) for _, answer in answers)
    assert photos.made() - before == 2
    assert photos.image("/photos/a.png?w=50&format=auto&fm=gif", Accept="image/webp")[0].format == "GIF"


def test_what_is_not_asked_for_is_given_as_it_is(photos):
    body, before = picture(), photos.made()
    for key in ["photos/a.jpg", "elsewhere/a.jpg"]:
        photos.put(key, body)
        assert photos.viewer.get(f"/{key}?width=9&utm_source=x").body == body
    assert photos.viewer.get("/elsewhere/a.jpg?w=10").body == body
    assert photos.made() == before
    # The path that is meant counts: the bucket has no such key, and a parameter is none only where images are made.
    assert photos.viewer.get("/photos/../elsewhere/a.jpg?w=zero").status == 403
    assert photos.viewer.get("/elsewhere/../photos/a.jpg?w=zero").status == 400
    assert photos.image("/%70hotos/%61.jpg?w=10")[0].size == (10, 5)


@pytest.mark.parametrize("name, value", [("w", "0"), ("h", "9000"), ("fit", "facearea"), ("format", "heic"), ("q", "101"), ("rotate", "45"), ("crop", "faces"), ("dpr", "nan"), ("rect", "1,2,3"), ("bg", "%3Cscript%3E")])
def test_values_that_are_none_are_named(photos, name, value):
    photos.put("photos/a.jpg", picture())
    answer = photos.viewer.get(f"/photos/a.jpg?{name}={value}")
    assert (answer.status, answer.headers["content-type"], answer.headers["x-content-type-options"]) == (400, "text/plain; charset=utf-8", "nosniff")
    assert f"the parameter {name} is" in answer.body.decode() and answer.cache == "Error"


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, data):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_what_would_do_harm_is_refused(photos):
    jpeg, gif = picture((2000, 1000)), picture(kind="GIF")
    webp = picture(kind="WEBP", lossless=True)
    bomb = zlib.compress(bytes(3 * 9000 * 9000 + 9000), 9)
    hostile = {
        "empty": (b"", 415),
        "text": (b"<!doctype html><script>alert(1)</script>", 415),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415),
        "huge": (png(65535, 65535, zlib.compress(b"")), 413),
        "wide": (png(1 << 30, 1, zlib.compress(b"")), 413),
        # Made, or given up for the time that it takes.
        "bomb": (png(9000, 9000, bomb), None),
        "bomb of less than it says": (png(100, 100, bomb), None),
        "no data": (png(100, 100, b""), 422),
        "rubbish": (png(100, 100, b"\xff" * 1000), 422),
        "cut off": (png(100, 100, zlib.compress(bytes(30100)))[:60], 422),
        "a jpeg's head": (jpeg[:300], 422),
        "a webp cut off": (webp[: len(webp) // 2], 422),
        "a gif's screen": (gif[:6] + b"\xff\xff\xff\xff" + gif[10:], None),
    }
    for name, (body, expected) in hostile.items():
        photos.put(f"photos/{name}.png", body)
        answer = photos.viewer.get(f"/photos/{name.replace(' ', '%20')}.png?w=40")
        assert answer.status == expected if expected else answer.status in (200, 413, 415, 422), (name, answer.status, answer.body[:200])
        if answer.status != 200:
            assert len(answer.body) > 10 and answer.headers["content-type"].startswith("text/plain"), name
    photos.put("photos/a.png", picture(kind="PNG"))
    for query, told in [("w=8000&h=8000&fit=fill", "pixels"), ("w=8000&dpr=8", "")]:
        answer = photos.viewer.get(f"/photos/a.png?{query}")
        assert answer.status in (400, 413) and told in answer.body.decode(), (query, answer.body)
    answer = photos.viewer.get("/photos/a.png?rect=500,500,10,10")
    assert answer.status == 400, answer.body
    assert photos.viewer.get("/photos/a.png?" + "w=1&" * 1500).status == 413
    assert photos.image("/photos/a.png?w=40")[0].size == (40, 20), "others get theirs"


def test_what_cannot_be_made_is_not_tried_again_at_once(photos):
    photos.put("photos/a.jpg", b"no image")
    first = photos.viewer.get("/photos/a.jpg?w=10")
    photos.put("photos/a.jpg", picture())
    again = photos.viewer.get("/photos/a.jpg?w=10")
    assert (first.status, again.status, again.body) == (415, 415, first.body)
    invalidate(photos.cloudfront, photos.distribution, "/photos/a.jpg")
    assert photos.image("/photos/a.jpg?w=10")[0].size == (10, 5)
    assert photos.viewer.get("/photos/missing.jpg?w=10").status == 403


def test_many_who_ask_at_once_get_one_image(photos):
    photos.put("photos/a.jpg", picture((3000, 2000)))
    before, answers = figures(photos.server), []
    ask = lambda width: answers.append(photos.viewer.get(f"/photos/a.jpg?w={width}"))  # noqa: E731
    threads = [threading.Thread(target=ask, args=[width]) for width in [500] * 10 + [501, 502]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = figures(photos.server)
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 3
    assert after["cloudlet_cdn_images"] - before["cloudlet_cdn_images"] == 3
    assert after["cloudlet_cdn_fetches"] - before["cloudlet_cdn_fetches"] == 1, "the original is fetched once"


def test_an_invalidation_of_the_path_takes_all_of_them(photos):
    photos.put("photos/a.jpg", picture((400, 200))).put("photos/b.jpg", picture((400, 200)))
    urls = ["/photos/a.jpg?w=10", "/photos/a.jpg?h=10&format=auto", "/photos/a.jpg"]
    assert [photos.image(url)[0].size for url in urls] == [(10, 5), (20, 10), (400, 200)]
    photos.image("/photos/b.jpg?w=10")
    photos.put("photos/a.jpg", picture((200, 200)))
    assert photos.image(urls[0])[0].size == (10, 5), "it is cached"
    invalidate(photos.cloudfront, photos.distribution, "/photos/a.jpg")
    assert [photos.image(url)[0].size for url in urls] == [(10, 10), (10, 10), (200, 200)]
    assert photos.viewer.get("/photos/b.jpg?w=10").cache == "Hit"


def test_tags_turn_it_on_and_off(photos):
    photos.put("a.jpg", picture())
    arn, cloudfront = photos.distribution["ARN"], photos.cloudfront
    assert photos.image("/a.jpg?w=10")[0].size == (400, 200)
    cloudfront.tag_resource(Resource=arn, Tags={"Items": [{"Key": "cloudlet:images", "Value": "/"}]})
    assert photos.image("/a.jpg?w=10")[0].size == (10, 5)
    for value in ["", "photos/", "/a b"]:
        with pytest.raises(ClientError) as refused:
            cloudfront.tag_resource(Resource=arn, Tags={"Items": [{"Key": "cloudlet:images", "Value": value}]})
        assert refused.value.response["Error"]["Code"] == "InvalidTagging" and "/photos/" in str(refused.value)
    cloudfront.untag_resource(Resource=arn, TagKeys={"Items": ["cloudlet:images"]})
    assert photos.image("/a.jpg?w=10")[0].size == (400, 200)


@pytest.fixture
def origin():
    endpoint = HttpEndpoint()
    yield endpoint
    endpoint.close()


def test_servers_are_asked_whether_the_original_has_changed(origin, unique):
    server = Server(options=["--allow-loopback", origin.port])
    try:
        cloudfront = server.client("cloudfront")
        distribution = tagged(cloudfront, config(http_server(origin.port)), **{"cloudlet:images": "/"})
        viewer = Viewer(server, distribution)
        state = {"etag": '"one"', "body": picture((400, 200)), "status": 200}

        def answer(request):
            headers = {"ETag": state["etag"], "Content-Type": "image/jpeg", "Cache-Control": "max-age=1"}
            if state["status"] != 200 or request.headers["If-None-Match"] == state["etag"]:
                return (304 if state["status"] == 200 else state["status"]), headers, b""
            return 200, headers, state["body"]

        origin.answer = answer
        first = viewer.get("/a.jpg?w=100&x=1")
        assert (first.status, first.cache, origin.received[0].path) == (200, "Miss", "/a.jpg"), "the origin learns of no parameter"
        time.sleep(1.1)
        renewed = viewer.get("/a.jpg?w=100")
        assert (renewed.cache, renewed.body, figures(server)["cloudlet_cdn_images"]) == ("RefreshHit", first.body, 1)
        time.sleep(1.1)
        state["status"] = 500
        kept = viewer.get("/a.jpg?w=100")
        assert (kept.status, kept.body) == (200, first.body), "what is there is better than an error"
        state.update(status=200, etag='"two"', body=picture((100, 100)))
        invalidate(cloudfront, distribution, "/a.jpg")
        other = viewer.get("/a.jpg?w=100")
        assert Image.open(io.BytesIO(other.body)).size == (100, 100) and other.headers["etag"] != first.headers["etag"]
    finally:
        assert server.stop(), server.logged()


@pytest.mark.parametrize("policy", [NOT_CACHED, BY_ORIGIN])
def test_what_may_not_be_kept_is_made_for_each(server, photos, policy):
    photos.put("photos/a.jpg", picture(), CacheControl="no-store")
    origin = bucket(photos.name, OriginAccessControlId=control(photos, f"{photos.name}-{policy}"))
    viewer = Viewer(server, tagged(photos.cloudfront, config(origin, default=behavior(policy=policy)), **{"cloudlet:images": "/"}))
    before = photos.made()
    answers = [viewer.get("/photos/a.jpg?w=20") for _ in range(2)]
    assert [(answer.status, answer.cache) for answer in answers] == [(200, "Miss")] * 2 and photos.made() - before == 2
    assert viewer.send("HEAD", "/photos/a.jpg?w=20").headers["content-length"] == str(len(answers[0].body))


def test_a_signature_covers_what_is_to_be_made(server, photos, unique):
    photos.put("a.jpg", picture())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = KEY.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
    key = photos.cloudfront.create_public_key(PublicKeyConfig={"CallerReference": unique, "Name": unique, "EncodedKey": pem})["PublicKey"]["Id"]
    group = photos.cloudfront.create_key_group(KeyGroupConfig={"Name": unique, "Items": [key]})["KeyGroup"]["Id"]
    origin = bucket(photos.name, OriginAccessControlId=control(photos, f"{photos.name}-signed"))
    closed = behavior(TrustedKeyGroups={"Enabled": True, **listed(group)})
    viewer = Viewer(server, tagged(photos.cloudfront, config(origin, default=closed), **{"cloudlet:images": "/"}))
    until = int(time.time()) + 60
    canned = f"&Expires={until}&Signature={signature(policy_for(f'http://{viewer.host}/a.jpg?w=20', until))}&Key-Pair-Id={key}"
    answer = viewer.get(f"/a.jpg?w=20{canned}")
    assert Image.open(io.BytesIO(answer.body)).size == (20, 10)
    assert [viewer.get(path).status for path in [f"/a.jpg?w=21{canned}", f"/a.jpg?w=zero{canned}", "/a.jpg?w=20", "/a.jpg?w=zero"]] == [403] * 4


def test_a_distribution_without_the_tag_gives_bytes_as_they_are(server, photos):
    photos.put("photos/a.jpg", picture())
    viewer = Viewer(server, made(photos.cloudfront, config(bucket(photos.name, OriginAccessControlId=control(photos, f"{photos.name}-plain")))))
    assert viewer.get("/photos/a.jpg?w=0").body == picture()
