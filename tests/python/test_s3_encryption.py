"""Encryption at rest of S3's objects: what the disk shows, customers' own keys, and KMS's."""

import base64
import hashlib
import json
import os
import re
import urllib.request

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION
from test_kms import make
from test_s3 import LARGE, bucket, code, send, signed  # noqa: F401 A fixture of the same.
from test_s3_parts import add, begin, finish

TAG = re.compile('"[0-9a-f]{32}"')
KEY, OTHER = os.urandom(32), os.urandom(32)
# botocore adds the key's MD5, and puts it in base64.
OWN = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
WRONG = OWN | {"SSECustomerKey": OTHER}
# Not for this operation, though.
SENT = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(KEY).decode(), "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(KEY).digest()).decode()}
SOURCE = {f"CopySource{name}": value for name, value in OWN.items()}
# Small ones are rows of the store, others files of more or less than a chunk, or of whole ones.
SIZES = [0, 1, 32 << 10, (32 << 10) + 1, 64 << 10, (64 << 10) + 1, 192 << 10, len(LARGE)]


def body_of(s3, bucket, key="k", **options):
    return s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()


def refusal(call, **arguments):
    """Code, status and words of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"].get("Message", "")


def user(server, iam, name, *statements):
    """S3's client of a user with these statements, and the user's ARN."""
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client_as("s3", key["AccessKeyId"], key["SecretAccessKey"]), arn


# At rest


def on_disk(server, text):
    """The files of the data folder that have these bytes in them."""
    found = []
    for path in server.data.rglob("*"):
        try:
            if path.is_file() and text in path.read_bytes():
                found.append(path)
        except FileNotFoundError:
            pass
    return found


def test_the_disk_shows_nothing_of_a_body(server, s3, bucket):
    secret = base64.b64encode(os.urandom(24))
    small, large, part = secret + b" small", secret * 5_000, secret * 170_000
    s3.put_object(Bucket=bucket, Key="small", Body=small, Metadata={"told": "beside-the-body"})
    s3.put_object(Bucket=bucket, Key="large", Body=large)
    upload = begin(s3, bucket, "parts")
    finish(s3, upload, [add(s3, upload, 1, part), add(s3, upload, 2, secret)])
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/large", MetadataDirective="REPLACE")
    # What is told of an object is not sealed, and so the search finds what is there.
    assert on_disk(server, b"beside-the-body")
    assert not on_disk(server, secret)
    assert [body_of(s3, bucket, key) for key in ("small", "large", "parts", "copy")] == [small, large, part + secret, large]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("own", [{}, OWN], ids=["managed", "customer"])
def test_bodies_of_any_size_come_back_whole_and_in_ranges(s3, bucket, size, own):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, **own)
    # An entity tag is the bytes' MD5 where S3 alone has the key, and has its form where others have it.
    assert (put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"') == (not own) and TAG.fullmatch(put["ETag"])
    got = s3.get_object(Bucket=bucket, Key="k", **own)
    assert (got["Body"].read(), got["ContentLength"]) == (body, size)
    for first, last in [(0, 0), (65_535, 65_536), (65_536, 131_071), (1, size - 2), (size - 1, size - 1)]:
        if 0 <= first <= last < size:
            assert body_of(s3, bucket, Range=f"bytes={first}-{last}", **own) == body[first : last + 1]
    if size:
        assert body_of(s3, bucket, Range="bytes=-1", **own) == body[-1:]


# Customers' own keys


def test_a_customers_key_opens_what_it_has_sealed(s3, bucket):
    md5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()
    for key, body in [("small", b"abc"), ("large", LARGE)]:
        put = s3.put_object(Bucket=bucket, Key=key, Body=body, **OWN)
        assert (put["SSECustomerAlgorithm"], put["SSECustomerKeyMD5"]) == ("AES256", md5) and "ServerSideEncryption" not in put
        got = s3.get_object(Bucket=bucket, Key=key, **OWN)
        assert (got["Body"].read(), got["SSECustomerKeyMD5"]) == (body, md5) and "ServerSideEncryption" not in got
        assert s3.head_object(Bucket=bucket, Key=key, **OWN)["SSECustomerAlgorithm"] == "AES256"
        attributes = s3.get_object_attributes(Bucket=bucket, Key=key, ObjectAttributes=["ObjectSize"], **SENT)
        assert attributes["ObjectSize"] == len(body)
        told = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."
        assert refusal(s3.get_object, Bucket=bucket, Key=key) == ("InvalidRequest", 400, told)
        told = "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key."
        assert refusal(s3.get_object, Bucket=bucket, Key=key, **WRONG) == ("AccessDenied", 403, told)
        assert code(s3.head_object, Bucket=bucket, Key=key) == ("400", 400)
        assert code(s3.head_object, Bucket=bucket, Key=key, **WRONG) == ("403", 403)
        attributes = {"Bucket": bucket, "Key": key, "ObjectAttributes": ["ETag"]}
        assert code(s3.get_object_attributes, **attributes) == ("InvalidRequest", 400)
        other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(OTHER).decode()}
        assert code(s3.get_object_attributes, **attributes, **other) == ("AccessDenied", 403)
    # Nobody needs the key to delete, or to list.
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2
    s3.delete_object(Bucket=bucket, Key="small")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    told = "The encryption parameters are not applicable to this object."
    assert refusal(s3.get_object, Bucket=bucket, Key="k", **OWN) == ("InvalidRequest", 400, told)
    assert code(s3.head_object, Bucket=bucket, Key="k", **OWN) == ("400", 400)


def test_nothing_is_told_to_who_has_not_the_key(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"abc", **OWN)
    same = {"Bucket": bucket, "Key": "k", "IfNoneMatch": put["ETag"]}
    assert code(s3.get_object, **same, **OWN) == ("304", 304)
    for call in (s3.get_object, s3.head_object):
        assert code(call, **same)[1] == 400 and code(call, **same, **WRONG)[1] == 403
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k", "CopySourceIfNoneMatch": put["ETag"]}
    assert code(s3.copy_object, **copy) == ("InvalidRequest", 400)
    assert code(s3.copy_object, **copy, **SOURCE) == ("PreconditionFailed", 412)


def test_entity_tags_tell_nothing_of_what_others_have_the_keys_of(s3, kms, bucket):
    body, kms_key = os.urandom(70_000), make(kms)
    md5 = f'"{hashlib.md5(body).hexdigest()}"'
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
    tags = {key: s3.put_object(Bucket=bucket, Key=key, Body=body, **how)["ETag"] for key, how in [("kms", sealed), ("own", OWN), ("again", sealed)]}
    assert s3.put_object(Bucket=bucket, Key="managed", Body=body)["ETag"] == md5
    tags["to-kms"] = s3.copy_object(Bucket=bucket, Key="to-kms", CopySource=f"{bucket}/managed", **sealed)["CopyObjectResult"]["ETag"]
    assert len(set(tags.values()) | {md5}) == 5 and all(TAG.fullmatch(tag) for tag in tags.values())
    listed = {entry["Key"]: entry["ETag"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed == tags | {"managed": md5} and s3.head_object(Bucket=bucket, Key="kms")["ETag"] == tags["kms"]
    assert s3.get_object(Bucket=bucket, Key="kms", IfMatch=tags["kms"])["Body"].read() == body
    # Of what S3 has the key of again, it is the MD5 again.
    for source, options in [("kms", {}), ("own", SOURCE)]:
        copied = s3.copy_object(Bucket=bucket, Key="back", CopySource=f"{bucket}/{source}", ServerSideEncryption="AES256", **options)
        assert copied["CopyObjectResult"]["ETag"] == md5
    upload = begin(s3, bucket, "parts", **sealed)
    parts = [add(s3, upload, 1, os.urandom(5 << 20)), add(s3, upload, 2, body)]
    assert parts[1]["ETag"] not in (md5, *tags.values()) and TAG.fullmatch(parts[1]["ETag"])
    assert add(s3, upload, 2, body) == parts[1], "a part that is sent again is the same"
    made = b"".join(bytes.fromhex(part["ETag"].strip('"')) for part in parts)
    assert finish(s3, upload, parts)["ETag"] == f'"{hashlib.md5(made).hexdigest()}-2"'


def test_reads_do_not_say_how_an_object_is_encrypted(server, s3, bucket):
    """Clients that send the header of writes with reads are told so, as on AWS."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    client = server.client("s3")
    client.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "AES256"}))
    told = "x-amz-server-side-encryption header is not supported for this operation."
    assert refusal(client.get_object, Bucket=bucket, Key="k") == ("InvalidArgument", 400, told)
    assert code(client.head_object, Bucket=bucket, Key="k") == ("400", 400)


def test_a_key_that_is_half_there_is_refused(server, s3, bucket):
    prefix = "x-amz-server-side-encryption-customer-"
    key, md5 = base64.b64encode(KEY).decode(), base64.b64encode(hashlib.md5(KEY).digest()).decode()
    of = "Requests specifying Server Side Encryption with Customer provided keys must provide "

    def put(**headers):
        """What is answered to headers that botocore would not send."""
        headers = {prefix + name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/{bucket}/k"
        return send(server, path, signed(server, path, headers | {"Content-Length": "1"}, "UNSIGNED-PAYLOAD"), b"x")

    for headers, error, told in [
        ({"algorithm": "AES256"}, "InvalidArgument", of + "an appropriate secret key."),
        ({"key": key, "key_MD5": md5}, "InvalidArgument", of + "a valid encryption algorithm."),
        ({"algorithm": "AES128", "key": key, "key_MD5": md5}, "InvalidEncryptionAlgorithmError", "Supported value: AES256."),
        ({"algorithm": "AES256", "key": base64.b64encode(b"short").decode()}, "InvalidArgument", "The secret key was invalid for the specified algorithm."),
        ({"algorithm": "AES256", "key": "no base64"}, "InvalidArgument", "The secret key was invalid for the specified algorithm."),
        ({"algorithm": "AES256", "key": key, "key_MD5": md5[::-1]}, "InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided."),
    ]:
        answer = put(**headers)
        assert answer.startswith("HTTP/1.1 400") and f"<Code>{error}</Code>" in answer and told in answer and key not in answer, answer
    assert put(algorithm="AES256", key=key).startswith("HTTP/1.1 200"), "AWS does without the key's MD5"
    assert body_of(s3, bucket, **OWN) == b"x"
    both = {"ServerSideEncryption": "AES256", **OWN}
    told = "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"y", **both) == ("InvalidArgument", 400, told)
    assert key not in server.logged()


def test_parts_have_the_key_of_their_upload(s3, bucket):
    parts = [os.urandom(5 << 20), os.urandom(100_003)]
    upload = begin(s3, bucket, **OWN)
    told = "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters."
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("InvalidRequest", 400, told)
    told = "The provided encryption parameters did not match the ones used originally."
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"x", **WRONG) == ("InvalidRequest", 400, told)
    s3.put_object(Bucket=bucket, Key="source", Body=parts[1], **WRONG)
    one = s3.upload_part(**upload, PartNumber=1, Body=parts[0], **OWN)
    of_source = {f"CopySource{name}": value for name, value in WRONG.items()}
    copy = {"PartNumber": 2, "CopySource": f"{bucket}/source"}
    assert code(s3.upload_part_copy, **upload, **copy, **OWN) == ("InvalidRequest", 400)
    assert code(s3.upload_part_copy, **upload, **copy, **OWN, **SOURCE) == ("AccessDenied", 403)
    two = s3.upload_part_copy(**upload, **copy, **OWN, **of_source)
    assert one["SSECustomerAlgorithm"] == two["SSECustomerAlgorithm"] == "AES256"
    finish(s3, upload, [{"PartNumber": 1, "ETag": one["ETag"]}, {"PartNumber": 2, "ETag": two["CopyPartResult"]["ETag"]}])
    assert body_of(s3, bucket, **OWN) == b"".join(parts)
    assert body_of(s3, bucket, Range=f"bytes={len(parts[0]) - 5}-{len(parts[0]) + 70_000}", **OWN) == parts[0][-5:] + parts[1][:70_001]
    assert body_of(s3, bucket, PartNumber=2, **OWN) == parts[1]
    assert code(s3.get_object, Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    plain = begin(s3, bucket, "plain")
    assert code(s3.upload_part, **plain, PartNumber=1, Body=b"x", **OWN) == ("InvalidRequest", 400)


@pytest.mark.parametrize("size", [100, len(LARGE)])
def test_copies_are_sealed_as_they_ask_for(s3, bucket, size):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="own", Body=body, **OWN)
    copy = {"Bucket": bucket, "CopySource": f"{bucket}/own"}
    assert code(s3.copy_object, Key="copy", **copy) == ("InvalidRequest", 400)
    wrong = SOURCE | {"CopySourceSSECustomerKey": OTHER}
    assert code(s3.copy_object, Key="copy", **copy, **wrong) == ("AccessDenied", 403)
    assert s3.copy_object(Key="managed", **copy, **SOURCE)["ServerSideEncryption"] == "AES256"
    assert body_of(s3, bucket, "managed") == body
    assert s3.copy_object(Key="other", **copy, **SOURCE, **WRONG)["SSECustomerAlgorithm"] == "AES256"
    assert body_of(s3, bucket, "other", **WRONG) == body and code(s3.get_object, Bucket=bucket, Key="other", **OWN) == ("AccessDenied", 403)
    # Onto itself, with another key: that is a change.
    s3.copy_object(Key="own", **copy, **SOURCE, **WRONG)
    assert body_of(s3, bucket, "own", **WRONG) == body
    s3.copy_object(Bucket=bucket, Key="again", CopySource=f"{bucket}/managed", ChecksumAlgorithm="SHA256", **OWN)
    got = s3.get_object(Bucket=bucket, Key="again", ChecksumMode="ENABLED", **OWN)
    assert got["Body"].read() == body and got["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
    for key in ("own", "managed", "other"):
        s3.delete_object(Bucket=bucket, Key=key)
    assert body_of(s3, bucket, "again", **OWN) == body


def test_a_copy_onto_itself_may_change_the_key_alone(s3, kms, bucket):
    again = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=make(kms))
    assert s3.copy_object(**again)["ServerSideEncryption"] == "AES256"
    assert code(s3.copy_object, **again) == ("InvalidRequest", 400)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.copy_object(**again)["ServerSideEncryption"] == "AES256"
    assert body_of(s3, bucket) == b"x"


def test_a_presigned_url_can_ask_for_a_key(server, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine", **OWN)
    signer = server.client("s3", signature_version="s3v4")
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", **OWN})
    prefix = "x-amz-server-side-encryption-customer-"
    key, md5 = base64.b64encode(KEY).decode(), base64.b64encode(hashlib.md5(KEY).digest()).decode()
    headers = {prefix + "algorithm": "AES256", prefix + "key": key, prefix + "key-MD5": md5}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        assert answer.read() == b"mine"


# KMS's keys


def test_a_kms_key_seals_and_is_asked_for_each_time(s3, kms, bucket):
    key = make(kms)
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    for name, body in [("small", b"abc"), ("large", LARGE)]:
        put = s3.put_object(Bucket=bucket, Key=name, Body=body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", arn)
        got = s3.get_object(Bucket=bucket, Key=name)
        assert (got["Body"].read(), got["ServerSideEncryption"], got["SSEKMSKeyId"]) == (body, "aws:kms", arn)
        assert body_of(s3, bucket, name, Range="bytes=1-2") == body[1:3]
    kms.disable_key(KeyId=key)
    assert refusal(s3.get_object, Bucket=bucket, Key="large") == ("KMS.DisabledException", 400, f"{arn} is disabled.")
    assert s3.head_object(Bucket=bucket, Key="large")["SSEKMSKeyId"] == arn, "what is told of an object needs no key"
    wanted = {"Bucket": bucket, "Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms"}
    assert code(s3.put_object, **wanted, SSEKMSKeyId=key) == ("KMS.DisabledException", 400)
    kms.enable_key(KeyId=key)
    assert body_of(s3, bucket, "large") == LARGE
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert code(s3.get_object, Bucket=bucket, Key="small") == ("KMS.KMSInvalidStateException", 400)
    assert code(s3.put_object, **wanted, SSEKMSKeyId="11111111-2222-3333-4444-555555555555") == ("KMS.NotFoundException", 400)
    told = "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms"
    assert refusal(s3.put_object, **(wanted | {"ServerSideEncryption": "AES256"}), SSEKMSKeyId=key) == ("InvalidArgument", 400, told)
    assert code(s3.put_object, **(wanted | {"ServerSideEncryption": "rot13"})) == ("InvalidArgument", 400)
    # Without a key, it is the one that S3 has.
    own = s3.put_object(**wanted)["SSEKMSKeyId"]
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == own and body_of(s3, bucket) == b"x"


def test_a_buckets_default_seals_what_comes_without_a_word(s3, kms, bucket):
    key = make(kms)
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}, "BucketKeyEnabled": True}
    s3.put_object(Bucket=bucket, Key="before", Body=b"before")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", arn, True)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["SSEKMSKeyId"], head["BucketKeyEnabled"]) == (arn, True)
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/before")
    assert copy["SSEKMSKeyId"] == arn
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")
    assert upload["SSEKMSKeyId"] == arn
    upload = {name: upload[name] for name in ("Bucket", "Key", "UploadId")}
    done = finish(s3, upload, [add(s3, upload, 1, LARGE)])
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"]) == ("aws:kms", arn)
    # A request's own word counts for more.
    assert s3.put_object(Bucket=bucket, Key="plain", Body=b"x", ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    own = s3.put_object(Bucket=bucket, Key="s3s", Body=b"x", ServerSideEncryption="aws:kms")
    assert own["SSEKMSKeyId"] != arn and own["BucketKeyEnabled"]
    assert "BucketKeyEnabled" not in s3.put_object(Bucket=bucket, Key="no", Body=b"x", BucketKeyEnabled=False)
    assert s3.put_object(Bucket=bucket, Key="own", Body=b"x", **OWN)["SSECustomerAlgorithm"] == "AES256"
    kms.disable_key(KeyId=key)
    assert [code(s3.get_object, Bucket=bucket, Key=name)[0] for name in ("k", "copy", "parts")] == ["KMS.DisabledException"] * 3
    assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == ("KMS.DisabledException", 400)
    assert code(s3.upload_part, **begin(s3, bucket, "x", ServerSideEncryption="AES256"), PartNumber=1, Body=b"x", **OWN) == ("InvalidRequest", 400)
    assert (body_of(s3, bucket, "before"), body_of(s3, bucket, "plain"), body_of(s3, bucket, "own", **OWN)) == (b"before", b"x", b"x")
    kms.enable_key(KeyId=key)
    assert body_of(s3, bucket, "parts") == LARGE and body_of(s3, bucket, "copy") == b"before"
    twice = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}
    assert code(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [twice]}) == ("NotImplemented", 501)


def test_who_may_not_use_the_key_may_not_use_the_object(server, s3, kms, iam, bucket, unique):
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    objects = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    without, _ = user(server, iam, f"{unique}-without", objects)
    reader, _ = user(server, iam, f"{unique}-reader", objects, {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": arn, "Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}})
    bound = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": arn, "Condition": {"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/mine/*"}}}
    writer, _ = user(server, iam, f"{unique}-writer", objects, bound)
    wanted = {"Bucket": bucket, "Body": LARGE, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": arn}
    error, status, told = refusal(without.put_object, Key="mine/k", **wanted)
    assert (error, status) == ("AccessDenied", 403) and "kms:GenerateDataKey" in told
    assert code(writer.put_object, Key="other/k", **wanted) == ("AccessDenied", 403)
    writer.put_object(Key="mine/k", **wanted)
    error, status, told = refusal(writer.get_object, Bucket=bucket, Key="mine/k")
    assert (error, status) == ("AccessDenied", 403) and "kms:Decrypt" in told
    assert body_of(reader, bucket, "mine/k") == LARGE
    assert code(without.copy_object, Bucket=bucket, Key="stolen", CopySource=f"{bucket}/mine/k") == ("AccessDenied", 403)
    reader.copy_object(Bucket=bucket, Key="lent", CopySource=f"{bucket}/mine/k")
    assert body_of(without, bucket, "lent") == LARGE, "a copy is sealed as its bucket says"
    # Parts are opened with the upload's key, so whoever sends them needs it.
    upload = begin(writer, bucket, "mine/parts", ServerSideEncryption="aws:kms", SSEKMSKeyId=arn)
    assert code(writer.upload_part, **upload, PartNumber=1, Body=b"x") == ("AccessDenied", 403)
    # The context is what the caller says of it, and the object.
    context = base64.b64encode(json.dumps({"team": "a"}).encode()).decode()
    put = s3.put_object(Key="mine/c", SSEKMSEncryptionContext=context, **wanted)
    assert put["SSEKMSEncryptionContext"] == context and body_of(reader, bucket, "mine/c") == LARGE
    assert code(s3.put_object, Key="mine/c", SSEKMSEncryptionContext="no json", **wanted) == ("InvalidArgument", 400)
