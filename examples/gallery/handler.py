"""Photos: the form that a browser sends one with, what becomes of it once it is there, and the list of all."""

import base64
import json
import os
import secrets
import time
import urllib.parse

import boto3
import boto3.dynamodb.conditions
import botocore.config

s3 = boto3.client("s3", config=botocore.config.Config(signature_version="s3v4"))
table = boto3.resource("dynamodb").Table(os.environ["PHOTOS_TABLE"])
BUCKET = os.environ["PHOTOS_BUCKET"]
TYPES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
BYTES_MAX = 20 << 20
# What the page shows at once.
PAGE = 60
ALBUM = "all"
# A photo never changes under its name.
FOREVER = "public, max-age=31536000, immutable"


def answer(status, body):
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body)}


def upload(event, context):
    """`{"type": "image/jpeg"}`: where and with which fields such a photo is to be posted within five minutes."""
    try:
        kind = json.loads(event.get("body") or "")["type"]
        extension = TYPES[kind]
    except (KeyError, TypeError, ValueError):
        return answer(400, {"error": "a type is expected: " + ", ".join(TYPES)})
    # Names are in the order in which photos come.
    photo = f"{time.time_ns() // 1_000_000:013}-{secrets.token_hex(4)}.{extension}"
    fields = {"Content-Type": kind, "Cache-Control": FOREVER}
    conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", 1, BYTES_MAX]]
    form = s3.generate_presigned_post(BUCKET, f"photos/{photo}", Fields=fields, Conditions=conditions, ExpiresIn=300)
    return answer(200, {"photo": photo, **form})


def arrived(event, context):
    """A thumbnail was made, so its photo is one: it is entered, with the thumbnail as it is seen at first."""
    for record in event["Records"]:
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        thumbnail = s3.get_object(Bucket=BUCKET, Key=key)
        tiny = base64.b64encode(thumbnail["Body"].read()).decode()
        # Told of again, it is the same entry.
        table.put_item(
            Item={
                "album": ALBUM,
                "photo": key.rpartition("/")[2],
                "tiny": f"data:{thumbnail['ContentType']};base64,{tiny}",
            }
        )


def list_photos(event, context):
    """The newest photos, or those before `?before=PHOTO`."""
    before = (event.get("queryStringParameters") or {}).get("before")
    condition = boto3.dynamodb.conditions.Key("album").eq(ALBUM)
    if before:
        condition &= boto3.dynamodb.conditions.Key("photo").lt(before)
    found = table.query(KeyConditionExpression=condition, ScanIndexForward=False, Limit=PAGE)
    photos = [{"photo": item["photo"], "tiny": item["tiny"]} for item in found["Items"]]
    return answer(200, {"photos": photos, "more": "LastEvaluatedKey" in found})
