"""A board of tasks: who may do what to them, and the address at which a page follows all of it.

Everything is in one partition, so that one query has it: `task#ID`, `comment#TASK#ID`, and `person#ID`.
"""

import json
import os
import secrets
import time
from urllib.parse import urlencode

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
from boto3.dynamodb.conditions import Attr, Key

session = boto3.Session()
s3 = session.client("s3", config=botocore.config.Config(signature_version="s3v4"))
table = session.resource("dynamodb").Table(os.environ["BOARD_TABLE"])
BOARD = "main"
STATES = ["todo", "doing", "done"]
AVATARS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
AVATAR_BYTES_MAX = 5 << 20
TEXT_MAX = 2_000


class Refused(Exception):
    """What a request is answered with instead."""

    def __init__(self, status, reason):
        self.answer = answer(status, {"error": reason})


def answer(status, body=None):
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body if body is not None else {})}


class Person:
    """Who asks: the API's authorizer has looked at the token, and lets in nobody else."""

    def __init__(self, event):
        claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
        self.id, self.name = claims["sub"], claims["email"].partition("@")[0]
        self.is_manager = "managers" in claims.get("cognito:groups", "").strip("[]").split()


def for_people(handle):
    """A handler that knows who asks and for what, and may refuse."""

    def handler(event, context):
        try:
            return handle(Person(event), event)
        except Refused as refused:
            return refused.answer

    return handler


def sent(event):
    try:
        body = json.loads(event.get("body") or "{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "an object of JSON is expected")
    return body


def text(body, name):
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= TEXT_MAX:
        raise Refused(400, f"`{name}` is expected: a text of at most {TEXT_MAX} characters")
    return value.strip()


def new_id():
    """Names are in the order in which things come."""
    return f"{time.time_ns() // 1_000_000:013}-{secrets.token_hex(4)}"


def task_of(event):
    key = {"board": BOARD, "entry": f"task#{event['pathParameters']['task']}"}
    task = table.get_item(Key=key, ConsistentRead=True).get("Item")
    if not task:
        raise Refused(404, "there is no such task any more")
    return key, task


def settings(event, context):
    """Where the page finds the pool that its users sign in to."""
    issuer = f"{session.client('cognito-idp').meta.endpoint_url}/{os.environ['POOL']}"
    return answer(200, {"issuer": issuer, "client": os.environ["CLIENT"]})


@for_people
def arrive(person, event):
    """Somebody has signed in: others see the name from now on."""
    body = sent(event)
    values, change = {":name": person.name}, "SET #name = :name"
    if "avatar" in body:
        avatar = text(body, "avatar")
        if not avatar.startswith(f"avatars/{person.id}/"):
            raise Refused(403, "this is another's picture")
        values[":avatar"], change = avatar, change + ", avatar = :avatar"
    table.update_item(
        Key={"board": BOARD, "entry": f"person#{person.id}"},
        UpdateExpression=change,
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues=values,
    )
    return answer(200, {"id": person.id, "name": person.name, "manager": person.is_manager})


@for_people
def avatar(person, event):
    """`{"type": "image/png"}`: where and with which fields one's picture is to be posted within five minutes."""
    kind = sent(event).get("type")
    if not isinstance(kind, str) or kind not in AVATARS:
        raise Refused(400, "a `type` is expected: " + ", ".join(AVATARS))
    # A picture never changes under its name.
    key = f"avatars/{person.id}/{new_id()}.{AVATARS[kind]}"
    fields = {"Content-Type": kind, "Cache-Control": "public, max-age=31536000, immutable"}
    conditions = [*({name: value} for name, value in fields.items()), ["content-length-range", 1, AVATAR_BYTES_MAX]]
    form = s3.generate_presigned_post(os.environ["AVATARS_BUCKET"], key, Fields=fields, Conditions=conditions, ExpiresIn=300)
    return answer(200, {"avatar": key, **form})


@for_people
def live(person, event):
    """The address at which the page sees the board, and each change of it, for the next hour."""
    query = {"TableName": table.name, "KeyConditionExpression": "board = :b", "ExpressionAttributeValues": {":b": {"S": BOARD}}}
    base = session.client("dynamodb").meta.endpoint_url
    request = botocore.awsrequest.AWSRequest("GET", f"{base}/_cloudlet/dynamodb/follow?" + urlencode({"query": json.dumps(query)}))
    botocore.auth.SigV4QueryAuth(session.get_credentials(), "dynamodb", os.environ["AWS_REGION"], expires=3600).add_auth(request)
    return answer(200, {"url": request.url})


@for_people
def add(person, event):
    task = {"board": BOARD, "entry": f"task#{new_id()}", "title": text(sent(event), "title"), "state": STATES[0], "author": person.id}
    table.put_item(Item=task)
    return answer(201, {"task": task["entry"].removeprefix("task#")})


@for_people
def change(person, event):
    """Anybody moves a task; its title is its author's, and the managers'."""
    body = sent(event)
    key, task = task_of(event)
    changes = {}
    if "state" in body:
        if body["state"] not in STATES:
            raise Refused(400, "`state` is one of " + ", ".join(STATES))
        changes["state"] = body["state"]
    if "title" in body:
        own(person, task)
        changes["title"] = text(body, "title")
    if not changes:
        raise Refused(400, "`state` or `title` is expected")
    try:
        table.update_item(
            Key=key,
            ConditionExpression=Attr("entry").exists(),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
            ExpressionAttributeNames={f"#{name}": name for name in changes},
            ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        raise Refused(404, "there is no such task any more") from None
    return answer(200)


@for_people
def remove(person, event):
    key, task = task_of(event)
    own(person, task)
    table.delete_item(Key=key)
    said = Key("board").eq(BOARD) & Key("entry").begins_with(f"comment#{event['pathParameters']['task']}#")
    while entries := table.query(KeyConditionExpression=said, ConsistentRead=True)["Items"]:
        for entry in entries:
            table.delete_item(Key={"board": BOARD, "entry": entry["entry"]})
    return answer(200)


@for_people
def comment(person, event):
    said = text(sent(event), "text")
    task_of(event)
    entry = f"comment#{event['pathParameters']['task']}#{new_id()}"
    table.put_item(Item={"board": BOARD, "entry": entry, "text": said, "author": person.id})
    return answer(201)


def own(person, task):
    if person.id != task["author"] and not person.is_manager:
        raise Refused(403, "that is for the task's author, and for managers")
