"""A chat: `gate` names who comes in, `connect` and `disconnect` keep the table of who is there, `say` tells all of them."""

import json
import os

import boto3

CONNECTIONS = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS"])
OK = {"statusCode": 200}


def gate(event, context):
    """Lets in whoever has a name, but for those who call themselves nobody."""
    name = event["queryStringParameters"]["name"]
    statement = {"Action": "execute-api:Invoke", "Effect": "Deny" if name == "nobody" else "Allow", "Resource": event["methodArn"]}
    return {"principalId": name, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": {"name": name}}


def connect(event, context):
    request = event["requestContext"]
    CONNECTIONS.put_item(Item={"id": request["connectionId"], "name": request["authorizer"]["name"]})
    return OK


def disconnect(event, context):
    request = event["requestContext"]
    leave(event, request["connectionId"], request["authorizer"]["name"])
    return OK


def say(event, context):
    text = json.loads(event["body"]).get("text", "")
    broadcast(event, {"from": event["requestContext"]["authorizer"]["name"], "text": text})
    return OK


def who(event, context):
    names = sorted(item["name"] for item in everybody())
    return {"statusCode": 200, "body": json.dumps({"here": names})}


def everybody():
    return CONNECTIONS.scan(ConsistentRead=True)["Items"]


def broadcast(event, message):
    """Tells everybody who is there; those who turn out to be gone are forgotten."""
    connections, gone = api(event), []
    for item in everybody():
        try:
            connections.post_to_connection(ConnectionId=item["id"], Data=json.dumps(message).encode())
        except connections.exceptions.GoneException:
            gone.append(item)
    for item in gone:
        leave(event, item["id"], item["name"])


def leave(event, connection, name):
    """Only who was still there is missed: whoever comes second finds nothing to delete."""
    if "Attributes" in CONNECTIONS.delete_item(Key={"id": connection}, ReturnValues="ALL_OLD"):
        broadcast(event, {"left": name})


def api(event):
    """The API's connections: on AWS at the address that the event tells, here where all of the cloud is."""
    request = event["requestContext"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or f"https://{request['domainName']}/{request['stage']}"
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
