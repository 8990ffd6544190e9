"""Code of functions and layers that is in buckets."""

import json

import pytest
from botocore.exceptions import ClientError
from test_lambda import create, invoke, make_role, package
from test_s3 import bucket  # noqa: F401 A fixture of the same.


def answering(text):
    return package(index__py=f"def handler(event, context): return {text!r}")


def refusal(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_code_comes_from_objects_and_their_versions(server, lambda_, iam, s3, bucket, unique):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = lambda key, body: s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    first, _ = put("f.zip", answering("one")), put("f.zip", answering("two"))
    made = create(lambda_, make_role(iam, f"{unique}-role"), unique, Code={"S3Bucket": bucket, "S3Key": "f.zip"})
    assert invoke(lambda_, unique)[0] == "two"
    updated = lambda_.update_function_code(FunctionName=unique, S3Bucket=bucket, S3Key="f.zip", S3ObjectVersion=first)
    assert invoke(lambda_, unique)[0] == "one" and updated["CodeSha256"] != made["CodeSha256"]
    # The object may go: the function has its own.
    s3.delete_object(Bucket=bucket, Key="f.zip", VersionId=first)
    assert lambda_.get_function(FunctionName=unique)["Configuration"]["CodeSha256"] == updated["CodeSha256"]
    put("l.zip", package(**{"python/tool__py": "NAME = 'layer'"}))
    layer = lambda_.publish_layer_version(LayerName=unique, Content={"S3Bucket": bucket, "S3Key": "l.zip"})
    put("g.zip", package(index__py="import tool\ndef handler(event, context): return tool.NAME"))
    lambda_.update_function_configuration(FunctionName=unique, Layers=[layer["LayerVersionArn"]])
    lambda_.update_function_code(FunctionName=unique, S3Bucket=bucket, S3Key="g.zip")
    assert invoke(lambda_, unique)[0] == "layer"


def test_code_that_is_not_there_or_no_package(lambda_, iam, s3, bucket, unique):
    create(lambda_, make_role(iam, f"{unique}-role"), unique, Code={"ZipFile": answering("x")})
    update = lambda **code: refusal(lambda_.update_function_code, FunctionName=unique, **code)
    told = "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}"
    invalid = "InvalidParameterValueException"
    assert update(S3Bucket=f"{unique}-none", S3Key="k") == (invalid, told.format("NoSuchBucket", "The specified bucket does not exist"))
    assert update(S3Bucket=bucket, S3Key="k") == (invalid, told.format("NoSuchKey", "The specified key does not exist."))
    s3.put_object(Bucket=bucket, Key="k", Body=b"no archive")
    assert update(S3Bucket=bucket, S3Key="k")[0] == invalid
    assert update(S3Bucket=bucket) == (invalid, "Please provide a source for function code.")
    assert update(S3Bucket=bucket, S3Key="k", ZipFile=answering("y"))[1].startswith("Please do not provide other FunctionCode parameters")
    assert invoke(lambda_, unique)[0] == "x"


def test_whoever_updates_code_may_read_it(server, lambda_, iam, s3, bucket, unique):
    create(lambda_, make_role(iam, f"{unique}-role"), unique, Code={"ZipFile": answering("x")})
    s3.put_object(Bucket=bucket, Key="f.zip", Body=answering("y"))
    user = iam.create_user(UserName=unique)["User"]["Arn"]
    allow = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    theirs = server.client_as("lambda", key["AccessKeyId"], key["SecretAccessKey"])
    code = {"FunctionName": unique, "S3Bucket": bucket, "S3Key": "f.zip"}
    denied, message = refusal(theirs.update_function_code, **code)
    assert denied == "AccessDeniedException" and f"permission to GetObject for {bucket}/f.zip. S3 Error Code: AccessDenied." in message
    statement = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    theirs.update_function_code(**code)
    assert invoke(lambda_, unique)[0] == "y"
