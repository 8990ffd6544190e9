"""Thumbnails that a bucket declares by its tags: made of what comes, without a function, and told of where they cannot be."""

import io
import json
import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import Server, wait_until
from PIL import Image
from test_lambda import queue
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.


def picture(size=(400, 200), kind="JPEG", **options):
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def declare(s3, bucket, **tags):
    tag_set = [{"Key": f"cloudlet:thumbnail:{name}", "Value": value} for name, value in tags.items()]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [*tag_set, {"Key": "team", "Value": "w=0"}]})


def thumbnail(s3, bucket, key):
    """The image under a key, once it is there, and the answer that it came with."""

    def found():
        try:
            return s3.get_object(Bucket=bucket, Key=key)
        except s3.exceptions.NoSuchKey:
            return None

    answer = wait_until(found, 60, key)
    return Image.open(io.BytesIO(answer["Body"].read())).convert("RGB"), answer


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_thumbnails_are_made_of_what_comes(s3, bucket):
    declare(s3, bucket, small="w=100 fm=webp", square="from=in/ to=square/ w=50 h=50 fit=crop crop=left fm=png")
    s3.put_object(Bucket=bucket, Key="in/ä b.jpg", Body=picture(), ContentType="image/jpeg", CacheControl="max-age=60")
    small, answer = thumbnail(s3, bucket, "thumbnails/small/in/ä b.jpg")
    assert (small.size, answer["ContentType"], answer["CacheControl"]) == ((100, 50), "image/webp", "max-age=60")
    square, answer = thumbnail(s3, bucket, "square/in/ä b.jpg")
    assert (square.size, answer["ContentType"]) == ((50, 50), "image/png")
    assert square.getpixel((40, 25))[0] > 200, "the left half stays"
    # Outside of `in/` there is one kind; copies and uploads in parts count, too, and so do types that say nothing.
    s3.copy_object(Bucket=bucket, Key="copy.JPG", CopySource={"Bucket": bucket, "Key": "in/ä b.jpg"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts.png")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts.png", UploadId=upload, PartNumber=1, Body=picture(kind="PNG"))
    s3.complete_multipart_upload(Bucket=bucket, Key="parts.png", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    for key in ["copy.JPG", "parts.png"]:
        assert thumbnail(s3, bucket, f"thumbnails/small/{key}")[0].size == (100, 50)
    assert sorted(keys(s3, bucket)) == sorted(["in/ä b.jpg", "copy.JPG", "parts.png", "square/in/ä b.jpg", *(f"thumbnails/small/{key}" for key in ["in/ä b.jpg", "copy.JPG", "parts.png"])])


def test_what_is_no_image_or_made_already_gets_none(s3, bucket):
    declare(s3, bucket, small="w=10", tiny="from=thumbnails/small/ to=thumbnails/tiny/ w=5")
    s3.put_object(Bucket=bucket, Key="notes.txt", Body=b"text", ContentType="text/plain")
    s3.put_object(Bucket=bucket, Key="drawing.svg", Body=b"<svg/>", ContentType="image/svg+xml")
    s3.put_object(Bucket=bucket, Key="thumbnails/small/own.png", Body=picture(kind="PNG"), ContentType="image/png")
    s3.put_object(Bucket=bucket, Key="last.png", Body=picture(kind="PNG"), ContentType="image/png")
    thumbnail(s3, bucket, "thumbnails/small/last.png")
    assert sorted(keys(s3, bucket)) == ["drawing.svg", "last.png", "notes.txt", "thumbnails/small/last.png", "thumbnails/small/own.png"]


def test_the_image_that_is_there_last_has_the_thumbnail(s3, bucket):
    declare(s3, bucket, small="w=10 fm=png")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for width in [100, 200, 400]:
        etag = s3.put_object(Bucket=bucket, Key="a.jpg", Body=picture((width, 100)), ContentType="image/jpeg")["ETag"].strip('"')

    def is_last():
        image, answer = thumbnail(s3, bucket, "thumbnails/small/a.jpg")
        return answer["Metadata"]["thumbnail-of-etag"] == etag and image.size == (10, 3)

    wait_until(is_last, 60)


def test_who_listens_hears_of_thumbnails_and_of_those_that_fail(s3, sqs, events, bucket, unique):
    url, queue_arn = queue(sqs, f"{unique}-failures")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["cloudlet.s3", "aws.s3"], "detail": {"bucket": {"name": [bucket]}}}))
    events.put_targets(Rule=unique, Targets=[{"Id": "1", "Arn": queue_arn}])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    declare(s3, bucket, small="w=10")
    s3.put_object(Bucket=bucket, Key="broken.png", Body=picture(kind="PNG")[:100], ContentType="image/png")
    s3.put_object(Bucket=bucket, Key="fine.png", Body=picture(kind="PNG"), ContentType="image/png")
    heard = {}
    deadline = time.monotonic() + 60
    while len(heard) < 4 and time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10).get("Messages", []):
            event = json.loads(message["Body"])
            heard[event["detail-type"], event["detail"]["object"]["key"]] = event["detail"]
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert set(heard) == {("Object Created", "broken.png"), ("Object Created", "fine.png"), ("Object Created", "thumbnails/small/fine.png"), ("Thumbnail Not Made", "broken.png")}
    failure = heard["Thumbnail Not Made", "broken.png"]
    assert (failure["thumbnail"], failure["error"]["code"]) == ("small", "InvalidImage"), failure
    events.remove_targets(Rule=unique, Ids=["1"])
    events.delete_rule(Name=unique)


@pytest.mark.parametrize(("name", "value", "told"), [("small", "w=0", "pixels"), ("small", "width=1", "width"), ("Small", "w=1", "lower case"), ("small", "", "nothing"), ("small", "w=1 to=x", "slash"), ("small", "from=a/b to=a/ w=1", "come from")])
def test_tags_that_declare_no_thumbnail_are_refused(s3, bucket, name, value, told):
    with pytest.raises(ClientError) as refusal:
        declare(s3, bucket, **{name: value})
    error = refusal.value.response["Error"]
    assert error["Code"] == "InvalidTag" and told in error["Message"], error


def test_who_declares_thumbnails_may_write_them(server, iam, s3, bucket, unique):
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]

    def allow(*statements):
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": f"arn:aws:s3:::{bucket}{of}"} for action, of in statements]}
        iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps(document))

    own = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"])
    allow(("s3:PutBucketTagging", ""), ("s3:GetObject", "/*"), ("s3:PutObject", "/elsewhere/*"))
    with pytest.raises(ClientError) as refusal:
        declare(own, bucket, small="w=10")
    assert refusal.value.response["Error"]["Code"] == "AccessDenied"
    declare(own, bucket, small="w=10 to=elsewhere/")
    allow(("s3:PutBucketTagging", ""))
    declare(own, bucket)


def test_an_image_that_was_taken_has_its_thumbnail_after_a_crash():
    server = Server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="crash")
    declare(s3, "crash", small="w=10 fm=png")
    body = picture((2000, 1000), "PNG")
    for number in range(20):
        s3.put_object(Bucket="crash", Key=f"{number}.png", Body=body, ContentType="image/png")
    server.kill()
    server.start()
    s3 = server.client("s3")
    for number in range(20):
        assert thumbnail(s3, "crash", f"thumbnails/small/{number}.png")[0].size == (10, 5)
    assert server.stop(), server.logged()
