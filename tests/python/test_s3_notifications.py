"""Who is told of what becomes of objects: queues, topics and functions, with the write itself."""

import json

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, wait_until
from test_lambda import arn, create, make_role, package, queue
from test_s3 import bucket, code  # noqa: F401 A fixture of the same.


@pytest.fixture
def told(sqs, unique):
    """A queue that buckets may send to."""
    url, queue_arn = queue(sqs, f"{unique}-told")
    statement = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue_arn, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    return url, queue_arn


def hear(sqs, url, count=1):
    """The next records that come to a queue."""
    records = []
    while len(records) < count:
        messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10).get("Messages")
        assert messages, f"only {records} came"
        for message in messages:
            records += json.loads(message["Body"]).get("Records", [])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return records


def named(records):
    return [(record["eventName"], record["s3"]["object"]["key"]) for record in records]


def test_queues_hear_of_what_they_want(s3, sqs, bucket, told):
    url, queue_arn = told
    configuration = {"QueueConfigurations": [{"Id": "images", "QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}}}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    test = json.loads(message["Body"])
    assert (test["Service"], test["Event"], test["Bucket"]) == ("Amazon S3", "s3:TestEvent", bucket)
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert [(entry["Id"], entry["QueueArn"], entry["Events"], entry["Filter"]) for entry in kept] == [(entry["Id"], entry["QueueArn"], entry["Events"], entry["Filter"]) for entry in configuration["QueueConfigurations"]]
    s3.put_object(Bucket=bucket, Key="in/no.png", Body=b"x")
    put = s3.put_object(Bucket=bucket, Key="in/ä b.jpg", Body=b"abc")
    [record] = hear(sqs, url)
    assert (record["eventSource"], record["eventName"], record["awsRegion"]) == ("aws:s3", "ObjectCreated:Put", "us-east-1")
    assert record["s3"]["bucket"]["arn"] == f"arn:aws:s3:::{bucket}" and record["s3"]["configurationId"] == "images"
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"], record["s3"]["object"]["eTag"]) == ("in/%C3%A4+b.jpg", 3, put["ETag"].strip('"'))
    s3.copy_object(Bucket=bucket, Key="in/copy.jpg", CopySource=f"{bucket}/in/no.png")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="in/parts.jpg")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="in/parts.jpg", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=bucket, Key="in/parts.jpg", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.delete_object(Bucket=bucket, Key="in/copy.jpg")
    s3.delete_object(Bucket=bucket, Key="in/none.jpg")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "in/parts.jpg"}, {"Key": "in/no.png"}]})
    assert sorted(named(hear(sqs, url, 4))) == sorted([("ObjectCreated:Copy", "in/copy.jpg"), ("ObjectCreated:CompleteMultipartUpload", "in/parts.jpg"), ("ObjectRemoved:Delete", "in/copy.jpg"), ("ObjectRemoved:Delete", "in/parts.jpg")])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_markers_and_tags_are_told(s3, sqs, bucket, told):
    url, queue_arn = told
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k")["VersionId"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue_arn, "Events": ["s3:ObjectRemoved:*", "s3:ObjectTagging:*"]}]})
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    records = {record["eventName"]: record for record in hear(sqs, url, 3)}
    # Of what is beside the bytes, less is told.
    tagged, removed = records["ObjectTagging:Put"], records["ObjectRemoved:Delete"]
    assert (tagged["eventVersion"], set(tagged["s3"]["object"])) == ("2.3", {"key", "eTag", "versionId"})
    assert (removed["eventVersion"], set(removed["s3"]["object"])) == ("2.1", {"key", "sequencer", "versionId"})
    heard = {name: record["s3"]["object"]["versionId"] for name, record in records.items()}
    assert heard == {"ObjectTagging:Put": version, "ObjectRemoved:DeleteMarkerCreated": marker, "ObjectRemoved:Delete": version}


def test_functions_and_topics_are_told(s3, sqs, sns, iam, lambda_, logs, bucket, told, unique):
    url, queue_arn = told
    topic = sns.create_topic(Name=unique)["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}]}))
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue_arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    code_ = "def handler(event, context):\n    record = event['Records'][0]['s3']\n    print('heard of', record['bucket']['name'], record['object']['key'])\n    return None\n"
    create(lambda_, make_role(iam, f"{unique}-role"), unique, Code={"ZipFile": package(index__py=code_)})
    lambda_.add_permission(FunctionName=unique, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=ACCOUNT)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectRemoved:*"]}], "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn(unique), "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="k")
    assert named(hear(sqs, url)) == [("ObjectRemoved:Delete", "k")]
    wait_until(lambda: printed(logs, unique, f"heard of {bucket} k"), 30, "what the function prints")


def test_destinations_are_looked_at(s3, sqs, sns, iam, lambda_, bucket, told, unique):
    url, queue_arn = told
    other = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{unique}-none"
    closed = queue(sqs, f"{unique}-closed")[1]
    topic = sns.create_topic(Name=f"{unique}-closed")["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic, "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::another"}}}]}))
    create(lambda_, make_role(iam, f"{unique}-role"), unique, Code={"ZipFile": package(index__py="def handler(event, context): pass\n")})
    entry = lambda member, arn, event: {member: arn, "Events": [event]}
    configuration = {
        "QueueConfigurations": [entry("QueueArn", queue_arn, "s3:ObjectCreated:Put"), entry("QueueArn", other, "s3:ObjectCreated:Copy"), entry("QueueArn", closed, "s3:ObjectTagging:Put")],
        "TopicConfigurations": [entry("TopicArn", topic, "s3:ObjectTagging:Delete"), entry("TopicArn", f"{topic}-none", "s3:ObjectRemoved:Delete")],
        "LambdaFunctionConfigurations": [entry("LambdaFunctionArn", arn(unique), "s3:ObjectRemoved:DeleteMarkerCreated"), entry("LambdaFunctionArn", arn(f"{unique}-none"), "s3:ObjectCreated:Post")],
    }
    with pytest.raises(ClientError) as error:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    told_of = error.value.response["Error"]
    assert (told_of["Code"], told_of["Message"]) == ("InvalidArgument", "Unable to validate the following destination configurations")
    reasons = {told_of[f"ArgumentName{number}"]: told_of[f"ArgumentValue{number}"] for number in range(1, 7)}
    closed_to = "Permissions on the destination {} do not allow S3 to publish notifications from this bucket"
    assert reasons == {
        other: "The destination queue does not exist",
        closed: closed_to.format("queue"),
        topic: closed_to.format("topic"),
        f"{topic}-none": "The destination topic does not exist",
        arn(unique): f"Not authorized to invoke function [{arn(unique)}]",
        arn(f"{unique}-none"): f"Not authorized to invoke function [{arn(f'{unique}-none')}]",
    }
    # Nothing was kept, and nobody was told.
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True)
    assert len(s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]) == 3
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_rules_hear_of_buckets_that_tell_the_bridge(s3, sqs, events, bucket, unique):
    url, queue_arn = queue(sqs, f"{unique}-ruled")
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue_arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})})
    events.put_rule(Name=unique, EventPattern=json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}))
    events.put_targets(Rule=unique, Targets=[{"Id": "q", "Arn": queue_arn}])
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="ä b", Body=b"abc")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["detail"]["object"]["key"], event["detail"]["object"]["size"], event["detail"]["reason"]) == ("ä b", 3, "PutObject")
    assert event["resources"] == [f"arn:aws:s3:::{bucket}"]


def printed(logs, function, line):
    group = f"/aws/lambda/{function}"
    try:
        return any(line in event["message"] for event in logs.filter_log_events(logGroupName=group)["events"])
    except logs.exceptions.ResourceNotFoundException:
        return False


def test_configurations_are_checked(s3, bucket, told):
    _, queue_arn = told
    put = lambda **entry: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]} | entry]})
    for bad in [{"QueueArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q"}, {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo"}, {"QueueArn": "queue"}, {"QueueArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:t"}, {"Events": ["s3:Other"]}, {"Filter": {"Key": {"FilterRules": [{"Name": "middle", "Value": "x"}]}}}]:
        with pytest.raises(Exception) as error:
            put(**bad)
        assert error.value.response["Error"]["Code"] == "InvalidArgument", bad
    with pytest.raises(ClientError) as error:
        put(QueueArn="queue")
    told = error.value.response["Error"]
    assert (told["Message"], told["ArgumentName"]) == ("The ARN could not be parsed", "Queue")
    overlapping = [{"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}, {"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:Put"], "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}}}]
    assert code(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration={"QueueConfigurations": overlapping}) == ("InvalidArgument", 400)
    with pytest.raises(Exception) as error:
        put(Events=["s3:ObjectRestore:Post"])
    assert error.value.response["Error"]["Code"] == "NotImplemented"
