"""S3's presigned URLs: what of their queries counts as headers."""

import re

import requests
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudlet import REGION
from test_s3 import bucket  # noqa: F401 A fixture of the same.


def signed(server, path, **parameters):
    """A URL to put with, whose query has these besides its signature."""
    request = AWSRequest("PUT", server.endpoint + path, params={name.replace("_", "-"): value for name, value in parameters.items()})
    credentials = Credentials(server.root["AWS_ACCESS_KEY_ID"], server.root["AWS_SECRET_ACCESS_KEY"])
    S3SigV4QueryAuth(credentials, "s3", REGION).add_auth(request)
    return request.url


def test_checksums_in_the_query_are_of_nothing(server, s3, bucket):
    url = signed(server, f"/{bucket}/k", x_amz_checksum_crc32="AAAAAA==", x_amz_sdk_checksum_algorithm="CRC32", x_amz_meta_a="1")
    assert requests.put(url, data=b"123456").status_code == 200
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["Metadata"], "ChecksumCRC32" in head) == ("CVmbZh4IWzA=", {"a": "1"}, False)
    assert requests.put(url.replace("AAAAAA", "AAAAAB"), data=b"123456").status_code == 403


def test_conditions_in_the_query_count(server, s3, bucket):
    once = signed(server, f"/{bucket}/k", If_None_Match="*")
    assert [requests.put(once, data=body).status_code for body in (b"1", b"2")] == [200, 412]
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    same = signed(server, f"/{bucket}/k", If_Match=etag)
    assert [requests.put(same, data=body).status_code for body in (b"3", b"4")] == [200, 412]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_refusals_tell_what_one_finds_a_mistake_with(server, s3, bucket):
    def told(answer):
        assert answer.status_code == 403
        return dict(re.findall(r"<(\w[\w-]*)>([^<]*)</", answer.text))

    url = signed(server, f"/{bucket}/k", x_amz_meta_a="1")
    wrong = told(requests.put(url.replace("meta-a=1", "meta-a=2")))
    assert (wrong["Code"], wrong["AWSAccessKeyId"]) == ("SignatureDoesNotMatch", server.root["AWS_ACCESS_KEY_ID"])
    assert wrong["StringToSign"].startswith("AWS4-HMAC-SHA256") and wrong["SignatureProvided"] in url
    assert "x-amz-meta-a=2" in wrong["CanonicalRequest"] and wrong["CanonicalRequestBytes"].startswith("50 55 54 0a")
    more = told(requests.put(url, headers={"x-amz-meta-b": "1"}))
    assert (more["Code"], more["HeadersNotSigned"]) == ("AccessDenied", "x-amz-meta-b")
    client = server.client("s3", signature_version="s3v4")
    of_header = client.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k", "Metadata": {"a": "1"}})
    assert told(requests.put(of_header))["Code"] == "SignatureDoesNotMatch"
    answer = requests.put(url.replace("%2Faws4_request", ""))
    assert answer.status_code == 400 and "<Code>AuthorizationQueryParametersError</Code>" in answer.text
