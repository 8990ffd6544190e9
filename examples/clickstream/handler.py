"""Clicks go into a stream; counts of each window of five seconds come out of it into a table."""

import base64
import collections
import datetime
import json
import os
import pathlib

import boto3
import boto3.dynamodb.conditions

kinesis = boto3.client("kinesis")
table = boto3.resource("dynamodb").Table(os.environ["COUNTS_TABLE"])
STREAM = os.environ["CLICKS_STREAM"]
# What the page shows.
WINDOWS = 12


def answer(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def collect(event, context):
    """`{"visitor": "…", "pages": ["/a", "/b"]}`: a visitor's clicks stay in order."""
    try:
        body = json.loads(event.get("body") or "")
        visitor, pages = body["visitor"], body["pages"]
        records = [{"Data": json.dumps({"visitor": visitor, "page": page}), "PartitionKey": visitor} for page in pages]
        assert records and all(isinstance(page, str) and page.startswith("/") for page in pages)
    except (AssertionError, KeyError, TypeError, ValueError):
        return answer(400, {"error": "a visitor and some pages are expected"})
    # Those that a shard had no room for are sent again.
    for _ in range(5):
        results = kinesis.put_records(StreamName=STREAM, Records=records)["Records"]
        records = [record for record, result in zip(records, results) if "ErrorCode" in result]
        if not records:
            return answer(202, {"accepted": len(pages)})
    return answer(503, {"error": "too many clicks at once", "refused": len(records)})


def aggregate(event, context):
    """Counts the clicks of a window, shard by shard, and stores the counts when it is over."""
    state = event["state"]
    counts = collections.Counter(state.get("counts", {}))
    for record in event["Records"]:
        counts[json.loads(base64.b64decode(record["kinesis"]["data"]))["page"]] += 1
        state.setdefault("first", record["kinesis"]["sequenceNumber"])
    if not event["isFinalInvokeForWindow"]:
        return {"state": {**state, "counts": counts}}
    window = event["window"]["start"]
    with table.batch_writer() as batch:
        for page, count in counts.items():
            # Stored again under the same key when this is tried again: nothing is counted twice.
            slot = f"{window}#{page}#{state['first']}"
            batch.put_item(Item={"day": window[:10], "slot": slot, "window": window, "page": page, "count": count})


def counts(event, context):
    """The counts of the latest windows, the newest first: `[{"window": "…", "pages": {"/a": 3}}]`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    windows = {}
    for day in (now, now - datetime.timedelta(days=1)):
        condition = boto3.dynamodb.conditions.Key("day").eq(day.strftime("%Y-%m-%d"))
        for item in table.query(KeyConditionExpression=condition, ScanIndexForward=False, ConsistentRead=True)["Items"]:
            pages = windows.setdefault(item["window"], collections.Counter())
            pages[item["page"]] += int(item["count"])
    newest = sorted(windows, reverse=True)[:WINDOWS]
    return answer(200, [{"window": window, "pages": windows[window]} for window in newest])


def page(event, context):
    html = pathlib.Path(__file__).with_name("page.html").read_text()
    return {"statusCode": 200, "headers": {"content-type": "text/html; charset=utf-8"}, "body": html}
