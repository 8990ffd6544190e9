"""Forms that browsers send to buckets: what their policy lets in, who signed it, and what browsers are answered."""

import base64
import hashlib
import hmac
import json
import os
import urllib.parse
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone

import pytest
import requests
from test_s3 import LARGE, code, fresh, has_file, local_names  # noqa: F401
from test_s3_settings import allow, policy


@pytest.fixture
def bucket(s3, unique):
    s3.create_bucket(Bucket=unique)
    return unique


@pytest.fixture(params=["s3v4", "s3"], ids=["v4", "v2"])
def signer(server, request):
    """A client that signs forms, with either version."""
    return server.client("s3", signature_version=request.param)


def send(presigned, file=b"content", name="file.txt", extra=None, drop=()):
    """Sends a form, as a browser does: the file behind the other fields."""
    fields = {key: value for key, value in (presigned["fields"] | (extra or {})).items() if key not in drop}
    return requests.post(presigned["url"], data=fields, files={"file": (name, file)}, allow_redirects=False, timeout=60)


def refusal(response):
    """Status, code and message of an error."""
    error = ET.fromstring(response.content)
    return response.status_code, error.findtext("Code"), error.findtext("Message")


def signed(server, bucket, document, fields):
    """A form with a policy of our own making, signed with version 2."""
    text = document if isinstance(document, str) else json.dumps(document)
    encoded = base64.b64encode(text.encode()).decode()
    key, secret = server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"]
    signature = base64.b64encode(hmac.new(secret.encode(), encoded.encode(), hashlib.sha1).digest()).decode()
    return {"url": f"{server.endpoint}/{bucket}", "fields": fields | {"AWSAccessKeyId": key, "policy": encoded, "signature": signature}}


def until(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_form_makes_an_object_with_all_that_its_policy_lets_it(s3, signer, bucket):
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"
    fields = {
        "acl": "private",
        "Content-Type": "image/png",
        "Cache-Control": "no-store",
        "x-amz-meta-from": "a browser",
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(LARGE).digest()).decode(),
        "tagging": tags,
        "success_action_status": "201",
    }
    conditions = [{name: value} for name, value in fields.items()]
    presigned = signer.generate_presigned_post(bucket, "in/${filename}", Fields=fields, Conditions=conditions)
    answer = send(presigned, LARGE, "C:\\photos\\ä b.png")
    assert answer.status_code == 201, answer.text
    told = {child.tag: child.text for child in ET.fromstring(answer.content)}
    etag = f'"{hashlib.md5(LARGE).hexdigest()}"'
    location = f"{presigned['url']}/in%2F%C3%A4%20b.png"
    assert told == {"Location": location, "Bucket": bucket, "Key": "in/ä b.png", "ETag": etag}
    assert (answer.headers["ETag"], answer.headers["Location"]) == (etag, location)
    got = s3.get_object(Bucket=bucket, Key="in/ä b.png", ChecksumMode="ENABLED")
    assert got["Body"].read() == LARGE and got["ETag"] == etag
    assert (got["ContentType"], got["CacheControl"], got["StorageClass"], got["Metadata"]) == ("image/png", "no-store", "STANDARD_IA", {"from": "a browser"})
    assert got["ChecksumSHA256"] == fields["x-amz-checksum-sha256"]
    assert s3.get_object_tagging(Bucket=bucket, Key="in/ä b.png")["TagSet"] == [{"Key": "a", "Value": "1"}]


@pytest.mark.parametrize("size", [0, 1, 32 << 10, (32 << 10) + 1, 3 << 20])
def test_files_of_any_size_come_whole(s3, bucket, size):
    body = os.urandom(size)
    answer = send(s3.generate_presigned_post(bucket, "k"), body)
    assert (answer.status_code, answer.content) == (204, b"")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_browsers_are_answered_as_the_form_asks(s3, bucket):
    def answered(**fields):
        conditions = [["starts-with", f"${name}", ""] for name in fields]
        answer = send(s3.generate_presigned_post(bucket, "a b", Fields=fields, Conditions=conditions))
        return answer.status_code, answer.headers["Location"]

    etag = hashlib.md5(b"content").hexdigest()
    result = f"bucket={bucket}&key=a+b&etag=%22{etag}%22"
    own = f"{s3.meta.endpoint_url}/{bucket}/a%20b"
    assert answered() == (204, own) and answered(success_action_status="200") == (200, own)
    assert answered(success_action_status="404") == (204, own)
    assert answered(success_action_redirect="http://a.example/done") == (303, f"http://a.example/done?{result}")
    assert answered(redirect="https://a.example/?x=1", success_action_status="201") == (303, f"https://a.example/?x=1&{result}")
    assert answered(success_action_redirect="/relative") == (204, own)


def test_hosts_stand_for_buckets(server, s3, bucket, local_names):  # noqa: F811
    presigned = s3.generate_presigned_post(bucket, "k", Fields={"success_action_status": "201"}, Conditions=[{"success_action_status": "201"}])
    url = f"http://{bucket}.s3.localhost:{urllib.parse.urlsplit(server.endpoint).port}"
    answer = send({**presigned, "url": url})
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{url}/k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_what_the_policy_does_not_say_is_refused(s3, signer, bucket):
    def sent(conditions, body=b"content", extra=None, key="user/1", **options):
        return send(signer.generate_presigned_post(bucket, key, Conditions=conditions, **options), body, extra=extra)

    failed = "Invalid according to Policy: Policy Condition failed: "
    sizes = [["content-length-range", 2, 5]]
    assert refusal(sent([], extra={"key": "user/2"})) == (403, "AccessDenied", failed + '["eq", "$key", "user/1"]')
    assert refusal(sent([], extra={"x-amz-meta-a": "1"})) == (403, "AccessDenied", "Invalid according to Policy: Extra input fields: x-amz-meta-a")
    assert refusal(sent([["starts-with", "$Content-Type", "image/"]], extra={"Content-Type": "text/html"}))[2] == failed + '["starts-with", "$Content-Type", "image/"]'
    assert refusal(sent(sizes, b"x" * 6))[:2] == (400, "EntityTooLarge")
    assert refusal(sent(sizes, b"x"))[:2] == (400, "EntityTooSmall")
    assert refusal(sent([], ExpiresIn=-1)) == (403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    assert code(s3.head_object, Bucket=bucket, Key="user/1") == ("404", 404)
    assert sent(sizes, b"12345").status_code == 204 and sent(sizes, b"12").status_code == 204
    assert sent([], extra={"x-ignore-me": "1"}).status_code == 204
    assert sent([["starts-with", "$Content-Type", "image/"]], extra={"Content-Type": "image/png, image/gif"}).status_code == 204


def test_nothing_of_a_file_that_is_refused_stays(server, s3, bucket):
    large = fresh()
    presigned = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 1 << 22, 1 << 23]])
    assert refusal(send(presigned, large))[1] == "EntityTooSmall"
    checksum = {"x-amz-checksum-crc32": "AAAAAA=="}
    presigned = s3.generate_presigned_post(bucket, "k", Fields=checksum, Conditions=[checksum])
    assert refusal(send(presigned, large))[:2] == (400, "BadDigest")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x" * (1 << 20))
    assert not has_file(server, large) or code(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def test_policies_that_cannot_be_read_are_told(server, bucket):
    good = {"expiration": until(hours=1), "conditions": [{"bucket": bucket}, {"key": "k"}]}

    def sent(document):
        return refusal(send(signed(server, bucket, document, {"key": "k"})))

    assert send(signed(server, bucket, good, {"key": "k"})).status_code == 204
    assert sent("no JSON") == (400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")
    assert sent({**good, "expiration": "tomorrow"})[2] == "Invalid Policy: Invalid 'expiration' value: 'tomorrow'"
    assert sent({"conditions": []})[2] == "Invalid Policy: Policy missing expiration."
    assert sent({**good, "Statement": []})[2] == "Invalid Policy: Unexpected: 'statement'"
    assert sent({**good, "conditions": [{}]})[2] == "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
    assert sent({**good, "conditions": [{"acl": 1}]})[2] == "Invalid Policy: Invalid Simple-Condition: value must be a string."


def test_forms_are_signed(server, bucket, iam, sts, unique):
    s3 = server.client("s3", signature_version="s3v4")
    presigned = s3.generate_presigned_post(bucket, "k")
    signature = presigned["fields"]["x-amz-signature"]
    forged = {"x-amz-signature": signature[::-1]}
    response = send(presigned, extra=forged)
    assert refusal(response)[:2] == (403, "SignatureDoesNotMatch")
    assert ET.fromstring(response.content).findtext("StringToSign") == presigned["fields"]["policy"]
    assert refusal(send(presigned, extra={"policy": presigned["fields"]["policy"][:-4]}))[1] == "SignatureDoesNotMatch"
    for name, told in [("x-amz-algorithm", "X-Amz-Algorithm"), ("x-amz-credential", "X-Amz-Credential"), ("x-amz-date", "X-Amz-Date"), ("x-amz-signature", "X-Amz-Signature"), ("policy", "policy")]:
        answer = refusal(send(presigned, drop=(name,)))
        assert answer == (400, "InvalidArgument", f"Bucket POST must contain a field named '{told}'.  If it is specified, please check the order of the fields.")
    nobody = {"x-amz-credential": presigned["fields"]["x-amz-credential"].replace(server.root["AWS_ACCESS_KEY_ID"], "AKIANOBODY")}
    assert refusal(send(presigned, extra=nobody))[:2] == (403, "InvalidAccessKeyId")
    for scope in ["x", "a/20260101/us-east-1/sqs/aws4_request"]:
        assert refusal(send(presigned, extra={"x-amz-credential": scope}))[:2] == (400, "InvalidArgument")
    assert refusal(send(presigned, extra={"x-amz-date": "yesterday"}))[:2] == (400, "InvalidArgument")
    # Without a word of a signature it is from nobody, who may not.
    unsigned = {"url": presigned["url"], "fields": {"key": "k"}}
    assert refusal(send(unsigned))[:2] == (403, "AccessDenied")
    assert code(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)
    # A user may what their policies say.
    iam.create_user(UserName=unique)
    key = iam.create_access_key(UserName=unique)["AccessKey"]
    theirs = server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"], signature_version="s3v4")
    assert refusal(send(theirs.generate_presigned_post(bucket, "k")))[:2] == (403, "AccessDenied")
    iam.put_user_policy(UserName=unique, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/theirs/*"}]}))
    assert send(theirs.generate_presigned_post(bucket, "theirs/k")).status_code == 204
    assert refusal(send(theirs.generate_presigned_post(bucket, "k")))[:2] == (403, "AccessDenied")
    tagging = {"tagging": "<Tagging><TagSet></TagSet></Tagging>"}
    assert refusal(send(theirs.generate_presigned_post(bucket, "theirs/k", Fields=tagging, Conditions=[tagging])))[:2] == (403, "AccessDenied")
    # A session shows its token.
    session = sts.get_session_token()["Credentials"]
    temporary = server.client_as("s3", session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"], signature_version="s3v4")
    presigned = temporary.generate_presigned_post(bucket, "k")
    assert refusal(send(presigned, drop=("x-amz-security-token",)))[:2] == (403, "InvalidAccessKeyId")
    assert send(presigned).status_code == 204


def test_nobody_in_particular_may_what_the_bucket_lets_everybody(server, s3, bucket):
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(allow("*", "s3:PutObject", f"arn:aws:s3:::{bucket}/drop/*")))
    unsigned = {"url": f"{server.endpoint}/{bucket}", "fields": {"key": "drop/${filename}"}}
    assert send(unsigned).status_code == 204
    assert s3.get_object(Bucket=bucket, Key="drop/file.txt")["Body"].read() == b"content"
    assert refusal(send(unsigned, extra={"key": "k"}))[:2] == (403, "AccessDenied")


def test_what_is_no_form_is_told(server, bucket):
    url = f"{server.endpoint}/{bucket}"

    def sent(body, content_type="multipart/form-data; boundary=b"):
        return refusal(requests.post(url, data=body, headers={"Content-Type": content_type}, timeout=60))

    field = "--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n".format
    assert sent("x", "text/html")[:2] == (412, "PreconditionFailed")
    assert sent("x", "multipart/form-data")[:2] == (400, "MalformedPOSTRequest")
    assert sent("x")[:2] == (400, "MalformedPOSTRequest")
    assert sent(field("key", "k") + "--b--") == (400, "InvalidArgument", "POST requires exactly one file upload per request.")
    assert sent(field("file", "x") + "--b--")[2].startswith("Bucket POST must contain a field named 'key'.")
    assert sent(field("key", "") + field("file", "x") + "--b--")[:2] == (400, "InvalidArgument")
    assert sent(field("key", "k" * 21_000) + field("file", "x") + "--b--")[:2] == (400, "MaxPostPreDataLengthExceededError")
    assert refusal(requests.post(f"{server.endpoint}/nowhere-at-all", data=field("key", "k") + field("file", "x") + "--b--", headers={"Content-Type": "multipart/form-data; boundary=b"}, timeout=60))[0] in (403, 404)
    # What comes behind the file does not matter; without an end, there is no file.
    assert sent(field("key", "k") + "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx")[:2][0] in (400, 403)


def test_a_file_without_its_end_makes_nothing(server, s3, bucket):
    presigned = s3.generate_presigned_post(bucket, "k")
    head = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in presigned["fields"].items())
    body = head + '--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + "x" * 100_000
    response = requests.post(presigned["url"], data=body, headers={"Content-Type": "multipart/form-data; boundary=b"}, timeout=60)
    assert refusal(response)[:2] == (400, "MalformedPOSTRequest")
    assert code(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def test_sdks_names_of_fields_may_be_written_in_any_case(server, bucket):
    document = {"expiration": until(hours=1), "conditions": [{"bUcKeT": bucket}, ["StArTs-WiTh", "$KeY", "a"], {"AcL": "private"}]}
    presigned = signed(server, bucket, document, {"kEy": "a", "aCl": "private"})
    presigned["fields"]["pOLICy"] = presigned["fields"].pop("policy")
    assert send(presigned).status_code == 204
