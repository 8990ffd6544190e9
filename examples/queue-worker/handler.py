"""Orders: accepted by `submit`, worked off by `work`, shown by `show`."""

import json
import os
import uuid
from decimal import Decimal

import boto3

SQS = boto3.client("sqs")
TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def answer(status, body):
    return {"statusCode": status, "body": json.dumps(body, default=str)}


def submit(event, context):
    order = {"id": str(uuid.uuid4()), "order": json.loads(event["body"])}
    SQS.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps(order))
    return answer(202, {"id": order["id"]})


def show(event, context):
    found = TABLE.get_item(Key={"id": event["pathParameters"]["id"]})
    if "Item" not in found:
        return answer(404, {"error": "not processed yet"})
    return answer(200, found["Item"])


def work(event, context):
    failures = []
    for record in event["Records"]:
        try:
            process(json.loads(record["body"]))
        except Exception as error:
            print(f"order in message {record['messageId']} failed: {error!r}")
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def process(message):
    order = message["order"]
    total = sum(Decimal(str(line["price"])) * line["count"] for line in order["lines"])
    TABLE.put_item(Item={"id": message["id"], "total": total})
