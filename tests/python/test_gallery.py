"""The gallery of the examples, as somebody with a phone uses it."""

import io
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from browser import Browser, program
from cdn import Viewer
from PIL import Image, ImageDraw
from test_bucket_deploys import empty
from test_examples import EXAMPLES, deploy
from test_cdn_images import figures

SHOWN = "[...document.querySelectorAll('#photos img.there')]"


def photo(colour, size=(1200, 800)):
    """A sky, and a sun in it."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for y in range(size[1]):
        draw.line([(0, y), (size[0], y)], tuple(part * (size[1] + y) // (2 * size[1]) for part in colour))
    draw.ellipse([size[0] * 0.6, size[1] * 0.15, size[0] * 0.6 + 200, size[1] * 0.15 + 200], fill=(255, 240, 200))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.fixture(scope="module")
def gallery(server):
    program()
    outcome = deploy(server, EXAMPLES / "gallery")
    yield outcome["outputs"]["SiteUrl"]
    s3 = server.client("s3")
    (bucket,) = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("gallery-photos-dev")]
    empty(s3, bucket)
    server.run("remove", EXAMPLES / "gallery")
    assert not [bucket for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("gallery")]


@pytest.mark.timeout(600)
def test_photos_are_added_seen_and_listed(server, gallery, tmp_path):
    colours = {"sea": (60, 140, 220), "wood": (70, 160, 90), "dusk": (220, 120, 90), "field": (230, 190, 80)}
    files = []
    for name, colour in colours.items():
        files.append(tmp_path / f"{name}.jpg")
        files[-1].write_bytes(photo(colour, (800, 1200) if name == "wood" else (1200, 800)))
    with Browser() as browser:
        browser.screen(390, 844, density=2, mobile=True)
        browser.open(gallery)
        browser.wait_for("!document.querySelector('#empty').hidden")
        browser.choose("#files", *files)
        browser.wait_for(f"{SHOWN}.length === {len(files)}", 400)
        # Each is given in the size in which it is seen, in what this browser reads best.
        sizes = browser.evaluate(f"{SHOWN}.map(image => [image.currentSrc, image.naturalWidth])")
        assert all("w=400" in url and "format=auto" in url for url, _ in sizes), sizes
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
        assert all(tiny.startswith('url("data:image/webp;base64,') for tiny in browser.evaluate("[...document.querySelectorAll('[data-photo]')].map(tile => tile.style.backgroundImage)"))
        screenshot = Image.open(io.BytesIO(browser.screenshot(tmp_path / "phone.png")))
        assert screenshot.size == (780, 1688) and len(screenshot.convert("RGB").getcolors(1 << 22)) > 1000, "photos are seen"
        # Seen large, and put away again.
        browser.evaluate("document.querySelector('#photos button').click()")
        browser.wait_for("document.querySelector('#shown').naturalWidth > 0 && document.querySelector('#large').open")
        assert browser.evaluate("document.querySelector('#shown').naturalWidth") in (1200, 800)
        browser.evaluate("document.querySelector('#large button').click()")
        assert not browser.evaluate("document.querySelector('#large').open")
        assert not browser.failures
        # What is no photo is told of, and not listed.
        fake = tmp_path / "fake.jpg"
        fake.write_bytes(b"no photo")
        browser.choose("#files", fake)
        browser.wait_for("document.querySelector('#told').textContent.includes('fake.jpg: this is no photo')", 90)
        assert browser.evaluate("document.querySelectorAll('#photos button').length") == len(files)
        # Another visit has them at once, out of the cache.
        before = figures(server)["cloudlet_cdn_images"]
        browser.open(f"{gallery}/?again")
        browser.wait_for(f"{SHOWN}.length === {len(files)}")
        assert figures(server)["cloudlet_cdn_images"] == before
    viewer = Viewer(server, {"DomainName": urlsplit(gallery).netloc})
    listed = json.loads(viewer.get("/api/photos").body)
    assert len(listed["photos"]) == len(files) and listed["more"] is False
    newest = listed["photos"][0]["photo"]
    answers = [viewer.get(f"/photos/{newest}?w=400&h=400&fit=crop&format=auto", Accept=accept) for accept in ("image/webp", "*/*")]
    assert [Image.open(io.BytesIO(answer.body)).format for answer in answers] == ["WEBP", "JPEG"]
    assert [answer.headers["cache-control"] for answer in answers] == ["public, max-age=31536000, immutable"] * 2
    # Nobody but the distribution reads the bucket, and the distribution nothing but photos.
    assert viewer.get(f"/thumbnails/tiny/photos/{newest}").headers["content-type"].startswith("text/html")
    rest = json.loads(viewer.get(f"/api/photos?before={newest}").body)["photos"]
    assert [entry["photo"] for entry in rest] == [entry["photo"] for entry in listed["photos"][1:]]


@pytest.mark.timeout(120)
def test_only_photos_are_taken(server, gallery):
    viewer = Viewer(server, {"DomainName": urlsplit(gallery).netloc})
    for body in ["", "[]", '{"type": "text/html"}', '{"type": []}']:
        answer = viewer.send("POST", "/api/uploads", body, Content_Type="application/json")
        assert (answer.status, "a type is expected" in answer.body.decode()) == (400, True), body
    form = json.loads(viewer.send("POST", "/api/uploads", '{"type": "image/png"}', Content_Type="application/json").body)
    boundary = "x"
    fields = form["fields"] | {"Content-Type": "text/html"}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    body = "".join(parts) + f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n<script>\r\n--{boundary}--\r\n'
    request = urllib.request.Request(form["url"], body.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 403
