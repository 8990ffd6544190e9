"""CloudWatch Logs through boto3: groups, streams, events, filter patterns, retention."""

import time

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server

HOUR = 3_600_000
DAY = 24 * HOUR


def now():
    """In milliseconds, as all times of the service are."""
    return int(time.time() * 1000)


def refused(code, call, **parameters):
    """Calls, and returns the message of the error, which must have this code."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


@pytest.fixture
def group(logs, unique):
    logs.create_log_group(logGroupName=unique)
    return unique


@pytest.fixture
def stream(logs, group):
    """A group and a stream in it, as parameters."""
    names = {"logGroupName": group, "logStreamName": "s"}
    logs.create_log_stream(**names)
    return names


def put(logs, names, messages, at=None):
    """Puts messages, a millisecond apart; returns when the first is said to have happened."""
    at = at or now() - len(messages)
    events = [{"timestamp": at + number, "message": message} for number, message in enumerate(messages)]
    assert "rejectedLogEventsInfo" not in logs.put_log_events(logEvents=events, **names)
    return at


def messages(answer):
    return [event["message"] for event in answer["events"]]


def matching(logs, group, pattern):
    return messages(logs.filter_log_events(logGroupName=group, filterPattern=pattern))


def test_groups(logs, group):
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    (described,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert (described["logGroupName"], described["arn"], described["logGroupArn"]) == (group, f"{arn}:*", arn)
    assert (described["storedBytes"], described["logGroupClass"]) == (0, "STANDARD")
    assert abs(described["creationTime"] - now()) < HOUR and "retentionInDays" not in described
    assert refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=group) == "The specified log group already exists"
    refused("InvalidParameterException", logs.create_log_group, logGroupName="a b")
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    assert refused("ResourceNotFoundException", logs.delete_log_group, logGroupName=group) == "The specified log group does not exist."


def test_groups_are_listed_in_pages(logs, unique):
    names = [f"{unique}/{number}" for number in range(5)]
    for name in reversed(names):
        logs.create_log_group(logGroupName=name)
    pages = list(logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"{unique}/", PaginationConfig={"PageSize": 2}))
    assert [len(page["logGroups"]) for page in pages] == [2, 2, 1]
    assert [entry["logGroupName"] for page in pages for entry in page["logGroups"]] == names
    assert [entry["logGroupName"] for entry in logs.describe_log_groups(logGroupNamePattern=f"{unique}/3")["logGroups"]] == [names[3]]
    refused("InvalidParameterException", logs.describe_log_groups, logGroupNamePattern="a", logGroupNamePrefix="a")
    refused("InvalidParameterException", logs.describe_log_groups, limit=51)


def test_a_protected_group_stays(logs, unique):
    logs.create_log_group(logGroupName=unique, deletionProtectionEnabled=True)
    with pytest.raises(ClientError):
        logs.delete_log_group(logGroupName=unique)
    logs.put_log_group_deletion_protection(logGroupIdentifier=unique, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=unique)


def test_streams(logs, stream):
    group = stream["logGroupName"]
    refused("ResourceAlreadyExistsException", logs.create_log_stream, **stream)
    refused("ResourceNotFoundException", logs.create_log_stream, logGroupName="no-such-group", logStreamName="s")
    refused("InvalidParameterException", logs.create_log_stream, logGroupName=group, logStreamName="a:b")
    at = put(logs, stream, ["a", "b"])
    (described,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert (described["firstEventTimestamp"], described["lastEventTimestamp"]) == (at, at + 1)
    assert described["arn"].endswith(f":log-group:{group}:log-stream:s")
    logs.delete_log_stream(**stream)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    assert refused("ResourceNotFoundException", logs.get_log_events, **stream) == "The specified log stream does not exist."
    # A new stream of the name has nothing of the old one.
    logs.create_log_stream(**stream)
    assert logs.get_log_events(**stream)["events"] == []


def test_streams_are_listed_by_name_or_by_what_happened_last(logs, group):
    for number, name in enumerate(["c", "a", "b"]):
        names = {"logGroupName": group, "logStreamName": name}
        logs.create_log_stream(**names)
        put(logs, names, ["m"], now() - HOUR + number * 60_000)
    paginator = logs.get_paginator("describe_log_streams")

    def listed(**options):
        pages = paginator.paginate(logGroupName=group, PaginationConfig={"PageSize": 2}, **options)
        return "".join(entry["logStreamName"] for page in pages for entry in page["logStreams"])

    assert listed() == "abc"
    assert listed(descending=True) == "cba"
    assert listed(orderBy="LastEventTime") == "cab"
    assert listed(orderBy="LastEventTime", descending=True) == "bac"
    assert listed(logStreamNamePrefix="b") == "b"
    refused("InvalidParameterException", logs.describe_log_streams, logGroupName=group, orderBy="LastEventTime", logStreamNamePrefix="b")


def test_events_are_read_in_both_directions(logs, stream):
    at = put(logs, stream, [f"m{number}" for number in range(10)])
    first = logs.get_log_events(limit=4, startFromHead=True, **stream)
    assert messages(first) == ["m0", "m1", "m2", "m3"] and first["events"][0]["timestamp"] == at
    second = logs.get_log_events(limit=4, startFromHead=True, nextToken=first["nextForwardToken"], **stream)
    assert messages(second) == ["m4", "m5", "m6", "m7"]
    back = logs.get_log_events(limit=4, startFromHead=True, nextToken=second["nextBackwardToken"], **stream)
    assert messages(back) == ["m0", "m1", "m2", "m3"]
    assert messages(logs.get_log_events(limit=3, **stream)) == ["m7", "m8", "m9"]
    between = logs.get_log_events(startTime=at + 2, endTime=at + 4, startFromHead=True, **stream)
    assert messages(between) == ["m2", "m3"]
    refused("InvalidParameterException", logs.get_log_events, nextToken="made-up", **stream)
    refused("InvalidParameterException", logs.get_log_events, limit=10_001, **stream)


def test_a_follower_sees_what_arrives(logs, stream):
    """At the end the token stays the same: that is how clients know it, and from there they go on."""
    put(logs, stream, ["a"])
    end = logs.get_log_events(startFromHead=True, **stream)["nextForwardToken"]
    again = logs.get_log_events(startFromHead=True, nextToken=end, **stream)
    assert again["events"] == [] and again["nextForwardToken"] == end
    put(logs, stream, ["b"], now() + 1000)
    assert messages(logs.get_log_events(startFromHead=True, nextToken=end, **stream)) == ["b"]


def test_groups_are_also_found_by_their_arn(logs, stream):
    put(logs, stream, ["a"])
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{stream['logGroupName']}"
    assert messages(logs.get_log_events(logGroupIdentifier=arn, logStreamName="s")) == ["a"]
    assert messages(logs.filter_log_events(logGroupIdentifier=arn)) == ["a"]
    assert len(logs.describe_log_streams(logGroupIdentifier=arn)["logStreams"]) == 1


def test_what_is_too_old_or_too_new_is_named(logs, stream):
    times = [now() - 15 * DAY, now() - 15 * DAY + 1]
    answer = logs.put_log_events(logEvents=[{"timestamp": at, "message": "old"} for at in times], **stream)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    events = [{"timestamp": now(), "message": "good"}, {"timestamp": now() + 3 * HOUR, "message": "new"}]
    assert logs.put_log_events(logEvents=events, **stream)["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert messages(logs.get_log_events(**stream)) == ["good"]


def test_batches_that_break_a_rule(logs, stream):
    def refuse(*events):
        return refused("InvalidParameterException", logs.put_log_events, logEvents=[{"timestamp": at, "message": message} for at, message in events], **stream)

    at = now()
    refuse()
    refuse((at, ""))
    assert "chronological" in refuse((at, "b"), (at - 1, "a"))
    assert "24 hours" in refuse((at - 2 * DAY, "a"), (at, "b"))
    assert "Upload too large" in refuse(*[(at, "x" * 200_000)] * 6)
    refuse(*[(at, "x")] * 10_001)
    refused("ResourceNotFoundException", logs.put_log_events, logGroupName=stream["logGroupName"], logStreamName="none", logEvents=[{"timestamp": at, "message": "m"}])
    assert logs.get_log_events(**stream)["events"] == []


def test_terms(logs, stream):
    put(logs, stream, ["ERROR disk full", "WARN disk", "INFO fine", "error in lower case", 'ERROR "quoted" disk'])
    group = stream["logGroupName"]
    assert matching(logs, group, "ERROR") == ["ERROR disk full", 'ERROR "quoted" disk']
    assert matching(logs, group, "ERROR -full") == ['ERROR "quoted" disk']
    assert matching(logs, group, '"disk full"') == ["ERROR disk full"]
    assert matching(logs, group, "?WARN ?INFO") == ["WARN disk", "INFO fine"]
    assert len(matching(logs, group, "")) == 5
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern='"open')
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="x" * 1025)


def test_json_and_field_patterns(logs, stream):
    put(logs, stream, ['{"level": "ERROR", "ms": 120, "tags": ["a", "b"]}', '{"level": "INFO", "ms": 7, "user": null}', "10.0.0.1 GET 404 1534", "not { json"])
    group = stream["logGroupName"]
    assert len(matching(logs, group, '{ $.level = "ERROR" }')) == 1
    assert len(matching(logs, group, '{ $.level = "*O*" && $.ms > 5 }')) == 2
    assert len(matching(logs, group, '{ ($.ms < 10 || $.ms >= 120) && $.level != "INFO" }')) == 1
    assert len(matching(logs, group, '{ $.tags[1] = "b" }')) == 1
    assert len(matching(logs, group, "{ $.user IS NULL }")) == 1
    assert len(matching(logs, group, "{ $.tags NOT EXISTS }")) == 1
    assert matching(logs, group, "[ip, method, status = 4*, bytes > 1000]") == ["10.0.0.1 GET 404 1534"]
    assert matching(logs, group, "[ip, method, status = 4*, bytes > 9000]") == []
    for broken in ["{ $.a = }", "{ $.a = 1", "[a, b", "{ " + "(" * 40 + "$.a = 1" + ")" * 40 + " }"]:
        assert "Invalid filter pattern" in refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern=broken)


def test_a_search_goes_over_all_streams_in_order_of_time(logs, group):
    at = now() - 1000
    for number, name in enumerate(["a", "b", "c"]):
        names = {"logGroupName": group, "logStreamName": name}
        logs.create_log_stream(**names)
        put(logs, names, [f"{name}{step}" for step in range(3)], at + number * 2)
    pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 2}))
    events = [event for page in pages for event in page["events"]]
    assert len(events) == 9 and [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    assert len({event["eventId"] for event in events}) == 9
    assert {event["logStreamName"] for event in events} == {"a", "b", "c"}
    only = logs.filter_log_events(logGroupName=group, logStreamNames=["b"], startTime=at + 3, endTime=at + 4)
    assert messages(only) == ["b1", "b2"]
    assert messages(logs.filter_log_events(logGroupName=group, logStreamNamePrefix="c")) == ["c0", "c1", "c2"]
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupName=group, logStreamNames=["none"])
    refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, logStreamNames=["a"], logStreamNamePrefix="a")


def test_retention(logs, stream):
    group = stream["logGroupName"]
    put(logs, stream, ["two days old"], now() - 2 * DAY)
    put(logs, stream, ["fresh"])
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 1
    assert messages(logs.get_log_events(**stream)) == ["fresh"]
    assert messages(logs.filter_log_events(logGroupName=group)) == ["fresh"]
    late = logs.put_log_events(logEvents=[{"timestamp": now() - 2 * DAY, "message": "late"}], **stream)
    assert late["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    refused("InvalidParameterException", logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]


def test_tags(logs, unique):
    logs.create_log_group(logGroupName=unique, tags={"a": "1", "b": "2"})
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{unique}"
    logs.tag_resource(resourceArn=arn, tags={"c": "3"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.tag_log_group(logGroupName=unique, tags={"d": "4"})
    logs.untag_log_group(logGroupName=unique, tags=["b"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3", "d": "4"}
    assert logs.list_tags_log_group(logGroupName=unique)["tags"] == {"c": "3", "d": "4"}
    refused("TooManyTagsException", logs.tag_resource, resourceArn=arn, tags={f"k{number}": "v" for number in range(50)})
    refused("ResourceNotFoundException", logs.list_tags_for_resource, resourceArn=f"{arn}-none")


def test_regions_are_separate(server, stream):
    elsewhere = server.client("logs", region="eu-west-1")
    refused("ResourceNotFoundException", elsewhere.get_log_events, **stream)
    assert elsewhere.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"] == []


def test_what_is_not_built_says_so(logs):
    refused("NotImplemented", logs.start_query, logGroupName="g", startTime=0, endTime=1, queryString="fields @message")


def test_events_survive_a_crash():
    victim = Server()
    try:
        logs, names = victim.client("logs"), {"logGroupName": "g", "logStreamName": "s"}
        logs.create_log_group(logGroupName="g")
        logs.create_log_stream(**names)
        logs.put_retention_policy(logGroupName="g", retentionInDays=7)
        put(logs, names, [f"m{number}" for number in range(100)])
        victim.kill()
        victim.start()
        logs = victim.client("logs")
        assert messages(logs.get_log_events(startFromHead=True, **names)) == [f"m{number}" for number in range(100)]
        assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    finally:
        victim.kill()
