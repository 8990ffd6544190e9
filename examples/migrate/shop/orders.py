"""The orders as functions have them: in a table."""

import json
import os
import uuid

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def answer(status, document):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(document)}


def handler(event, _context):
    if event["routeKey"] == "POST /orders":
        order = {**json.loads(event["body"]), "id": str(uuid.uuid4())}
        table.put_item(Item=order)
        return answer(201, order)
    order = table.get_item(Key={"id": event["pathParameters"]["id"]}).get("Item")
    if order is None:
        return answer(404, {"message": "There is no such thing here."})
    return answer(200, {**order, "quantity": int(order["quantity"])})
