"""Users: created once for each e-mail address, and welcomed by a message."""

import json
import os
import re
import uuid
from datetime import datetime, timezone

import boto3
from boto3.dynamodb.conditions import Key

USERS = boto3.resource("dynamodb").Table(os.environ["USERS_TABLE"])
MESSAGES = boto3.resource("dynamodb").Table(os.environ["MESSAGES_TABLE"])
LAMBDA = boto3.client("lambda")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def answer(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }


def create(event, context):
    try:
        user = json.loads(event.get("body") or "")
        name, email = user["name"], user["email"].lower()
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer(400, {"error": "a JSON object with name and email is expected"})
    if not EMAIL.fullmatch(email):
        return answer(400, {"error": f"{email} is not an e-mail address"})
    taken = USERS.query(IndexName="by-email", KeyConditionExpression=Key("email").eq(email))
    if taken["Count"]:
        return answer(409, {"error": f"{email} is taken"})

    user = {
        "id": str(uuid.uuid4()),
        "name": name,
        "email": email,
        "created": datetime.now(timezone.utc).isoformat(),
    }
    USERS.put_item(Item=user)
    LAMBDA.invoke(
        FunctionName=os.environ["WELCOME_FUNCTION"],
        InvocationType="Event",
        Payload=json.dumps(user),
    )
    print(f"created user {user['id']}")
    return answer(201, user)


def get(event, context):
    found = USERS.get_item(Key={"id": event["pathParameters"]["id"]})
    if "Item" not in found:
        return answer(404, {"error": "no such user"})
    return answer(200, found["Item"])


def messages(event, context):
    found = MESSAGES.query(KeyConditionExpression=Key("user").eq(event["pathParameters"]["id"]))
    return answer(200, found["Items"])
