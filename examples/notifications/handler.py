"""Sign-ups: taken by `sign_up`, and handled by `welcome`, `make_profile` and `count`, each from a queue of its own."""

import json
import os
import uuid

import boto3
from botocore.exceptions import ClientError

SNS = boto3.client("sns")
SES = boto3.client("sesv2")
DYNAMODB = boto3.resource("dynamodb")
PROFILES = DYNAMODB.Table(os.environ["PROFILES"])
COUNTS = DYNAMODB.Table(os.environ["COUNTS"])


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body, default=str)}


def sign_up(event, context):
    body = json.loads(event.get("body") or "{}")
    if not body.get("name") or not body.get("email"):
        return answer(400, {"error": "name and email are needed"})
    person = {"id": str(uuid.uuid4()), "name": body["name"], "email": body["email"]}
    attributes = {}
    if body.get("source"):
        person["source"] = body["source"]
        attributes["source"] = {"DataType": "String", "StringValue": body["source"]}
    SNS.publish(TopicArn=os.environ["TOPIC"], Message=json.dumps(person), MessageAttributes=attributes)
    return answer(202, {"id": person["id"]})


def each(event, handle):
    """Handles every message of a batch, and reports those that failed: they alone come back."""
    failures = []
    for record in event["Records"]:
        try:
            handle(json.loads(record["body"]), record)
        except Exception as error:
            print(f"message {record['messageId']} failed: {error!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def welcome(event, context):
    def send(person, record):
        SES.send_email(
            FromEmailAddress=os.environ["SENDER"],
            Destination={"ToAddresses": [person["email"]]},
            Content={"Template": {"TemplateName": os.environ["TEMPLATE"], "TemplateData": json.dumps(person)}},
            ConfigurationSetName=os.environ["CONFIGURATION_SET"],
        )

    return each(event, send)


def make_profile(event, context):
    def put(person, record):
        # A message may come twice: the second time changes nothing.
        PROFILES.put_item(Item=person)

    return each(event, put)


def count(event, context):
    def add(person, record):
        try:
            COUNTS.update_item(
                Key={"source": person["source"]},
                UpdateExpression="ADD signups :one, seen :ids",
                ConditionExpression="NOT contains(seen, :id)",
                ExpressionAttributeValues={":one": 1, ":id": person["id"], ":ids": {person["id"]}},
            )
        except ClientError as error:
            # Counted already, when the message came the first time.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    return each(event, add)


def show_profile(event, context):
    found = PROFILES.get_item(Key={"id": event["pathParameters"]["id"]})
    return answer(200, found["Item"]) if "Item" in found else answer(404, {"error": "no such profile (yet)"})


def show_counts(event, context):
    return answer(200, {item["source"]: int(item["signups"]) for item in COUNTS.scan()["Items"]})
