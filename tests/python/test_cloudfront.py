"""CloudFront's API: what is made is shown, changed only by whoever knows its newest version, and kept while it is used."""

import pytest
from botocore.exceptions import ClientError
from cdn import CACHED, behavior, bucket, config, invalidate, listed, made, methods
from cloudlet import ACCOUNT
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def refused(call, **input):
    with pytest.raises(ClientError) as caught:
        call(**input)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def encoded(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def test_a_distribution_is_made_changed_and_deleted(cloudfront, unique):
    document = config(bucket("a"), Aliases=listed(f"{unique}.example.com"), CacheBehaviors=listed({"PathPattern": "/x/*", **behavior()}))
    created = cloudfront.create_distribution(DistributionConfig=document)
    id_, etag = created["Distribution"]["Id"], created["ETag"]
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201 and created["Location"].endswith(f"/2020-05-31/distribution/{id_}")
    assert created["Distribution"]["ARN"] == f"arn:aws:cloudfront::{ACCOUNT}:distribution/{id_}"
    assert created["Distribution"]["Status"] == "Deployed"
    for again in (document, document | {"Comment": "other"}):
        assert refused(cloudfront.create_distribution, DistributionConfig=again) == ("DistributionAlreadyExists", 409)
    other = config(bucket("a"), Aliases=document["Aliases"])
    assert refused(cloudfront.create_distribution, DistributionConfig=other) == ("CNAMEAlreadyExists", 409)

    shown = cloudfront.get_distribution(Id=id_)["Distribution"]["DistributionConfig"]
    assert shown["Origins"]["Items"][0]["DomainName"] == "a.s3.us-east-1.amazonaws.com"
    assert shown["CacheBehaviors"]["Items"][0]["PathPattern"] == "/x/*"
    assert shown["DefaultCacheBehavior"]["AllowedMethods"]["CachedMethods"]["Quantity"] == 2
    current = cloudfront.get_distribution_config(Id=id_)
    assert current["ETag"] == etag and current["DistributionConfig"] == shown

    changed = current["DistributionConfig"] | {"Enabled": False, "Comment": "off"}
    assert refused(cloudfront.update_distribution, Id=id_, DistributionConfig=changed) == ("InvalidIfMatchVersion", 400)
    assert refused(cloudfront.update_distribution, Id=id_, DistributionConfig=changed, IfMatch="E0") == ("PreconditionFailed", 412)
    assert refused(cloudfront.delete_distribution, Id=id_, IfMatch=etag) == ("DistributionNotDisabled", 409)
    updated = cloudfront.update_distribution(Id=id_, DistributionConfig=changed, IfMatch=etag)
    assert updated["ETag"] != etag and updated["Distribution"]["DistributionConfig"]["Comment"] == "off"
    pages = cloudfront.get_paginator("list_distributions").paginate(PaginationConfig={"PageSize": 1})
    summaries = [item for page in pages for item in page["DistributionList"].get("Items", [])]
    assert [item["Comment"] for item in summaries if item["Id"] == id_] == ["off"]
    cloudfront.delete_distribution(Id=id_, IfMatch=updated["ETag"])
    assert refused(cloudfront.get_distribution, Id=id_) == ("NoSuchDistribution", 404)


def test_tags(cloudfront):
    tags = {"Items": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    created = cloudfront.create_distribution_with_tags(DistributionConfigWithTags={"DistributionConfig": config(bucket("a")), "Tags": tags})
    arn = created["Distribution"]["ARN"]
    cloudfront.tag_resource(Resource=arn, Tags={"Items": [{"Key": "c", "Value": "3"}]})
    cloudfront.untag_resource(Resource=arn, TagKeys={"Items": ["a"]})
    shown = cloudfront.list_tags_for_resource(Resource=arn)["Tags"]["Items"]
    assert {tag["Key"]: tag["Value"] for tag in shown} == {"b": "2", "c": "3"}
    assert refused(cloudfront.list_tags_for_resource, Resource=arn[:-1] + "!") == ("NoSuchResource", 404)
    assert refused(cloudfront.tag_resource, Resource="arn:aws:s3:::a", Tags=tags)[0] == "InvalidArgument"


def test_invalidations_are_remembered(cloudfront):
    distribution = made(cloudfront, config(bucket("a")))
    batch = {"Paths": listed("/a", "/b/*"), "CallerReference": "once"}
    first = cloudfront.create_invalidation(DistributionId=distribution["Id"], InvalidationBatch=batch)["Invalidation"]
    again = cloudfront.create_invalidation(DistributionId=distribution["Id"], InvalidationBatch=batch)["Invalidation"]
    assert first["Id"] == again["Id"] and first["Status"] == "Completed"
    second = invalidate(cloudfront, distribution, "/*")
    shown = cloudfront.get_invalidation(DistributionId=distribution["Id"], Id=first["Id"])["Invalidation"]
    assert shown["InvalidationBatch"]["Paths"]["Items"] == ["/a", "/b/*"]
    pages = cloudfront.get_paginator("list_invalidations").paginate(DistributionId=distribution["Id"], PaginationConfig={"PageSize": 1})
    assert [item["Id"] for page in pages for item in page["InvalidationList"].get("Items", [])] == [second["Id"], first["Id"]]
    missing = dict(DistributionId=distribution["Id"], Id="I0")
    assert refused(cloudfront.get_invalidation, **missing) == ("NoSuchInvalidation", 404)
    for paths in [[], ["a"]]:
        wrong = {"Paths": listed(*paths), "CallerReference": "wrong"}
        assert refused(cloudfront.create_invalidation, DistributionId=distribution["Id"], InvalidationBatch=wrong)[0] == "InvalidArgument"


KEYED = {
    "EnableAcceptEncodingGzip": True,
    "EnableAcceptEncodingBrotli": True,
    "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": listed("Accept-Language")},
    "CookiesConfig": {"CookieBehavior": "none"},
    "QueryStringsConfig": {"QueryStringBehavior": "whitelist", "QueryStrings": listed("page", "size")},
}
PARTS = {name: KEYED[name] for name in ("HeadersConfig", "CookiesConfig", "QueryStringsConfig")}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

# Each kind: its name, what lists call all of it, the list's member, a document, and what of it is changed.
KINDS = [
    ("cache_policy", "cache_policies", {"MinTTL": 1, "MaxTTL": 100_000, "ParametersInCacheKeyAndForwardedToOrigin": KEYED}, {"Comment": "new"}),
    ("origin_request_policy", "origin_request_policies", PARTS, {"Comment": "new"}),
    ("response_headers_policy", "response_headers_policies", {"CustomHeadersConfig": listed({"Header": "x-a", "Value": "1", "Override": True})}, {"Comment": "new"}),
    (
        "origin_access_control",
        "origin_access_controls",
        {"SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"},
        {"Description": "new"},
    ),
    ("cloud_front_origin_access_identity", "cloud_front_origin_access_identities", {"Comment": "old"}, {"Comment": "new"}),
    ("public_key", "public_keys", {"CallerReference": "r", "EncodedKey": encoded(KEY)}, {"Comment": "new"}),
]


def member(name):
    return "".join(part.capitalize() for part in name.split("_"))


@pytest.mark.parametrize(("name", "plural", "document", "change"), KINDS, ids=lambda value: value if isinstance(value, str) else "")
def test_documents_of_every_kind(cloudfront, unique, name, plural, document, change):
    kind, call = member(name), lambda verb, **input: getattr(cloudfront, verb)(**input)
    named = {"CallerReference": unique} if name.endswith("identity") else {"Name": unique}
    document = document | named
    created = call(f"create_{name}", **{f"{kind}Config": document})
    id_, etag = created[kind]["Id"], created["ETag"]
    assert created["Location"].endswith(id_)
    assert refused(getattr(cloudfront, f"create_{name}"), **{f"{kind}Config": document})[0].endswith("AlreadyExists")
    shown = call(f"get_{name}", Id=id_)
    assert shown["ETag"] == etag
    kept = call(f"get_{name}_config", Id=id_)[f"{kind}Config"]
    assert shown[kind][f"{kind}Config"] == kept and document.items() <= kept.items()
    assert refused(getattr(cloudfront, f"update_{name}"), Id=id_, **{f"{kind}Config": document}) == ("InvalidIfMatchVersion", 400)
    updated = call(f"update_{name}", Id=id_, IfMatch=etag, **{f"{kind}Config": document | change})
    assert updated["ETag"] != etag and change.items() <= updated[kind][f"{kind}Config"].items()
    found, marker = [], {}
    while True:
        (page,) = [value for key, value in call(f"list_{plural}", MaxItems="2", **marker).items() if key.endswith("List")]
        found += page.get("Items", [])
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert id_ in str(found)
    assert refused(getattr(cloudfront, f"delete_{name}"), Id=id_, IfMatch=etag) == ("PreconditionFailed", 412)
    call(f"delete_{name}", Id=id_, IfMatch=updated["ETag"])
    assert refused(getattr(cloudfront, f"get_{name}"), Id=id_)[1] == 404


def test_key_groups_hold_their_keys_and_distributions_their_key_groups(cloudfront, unique):
    key = cloudfront.create_public_key(PublicKeyConfig={"CallerReference": unique, "Name": unique, "EncodedKey": encoded(KEY)})
    document = {"Name": unique, "Items": [key["PublicKey"]["Id"]]}
    assert refused(cloudfront.create_key_group, KeyGroupConfig={"Name": "n", "Items": ["K0"]})[0] == "InvalidArgument"
    group = cloudfront.create_key_group(KeyGroupConfig=document)
    id_ = group["KeyGroup"]["Id"]
    assert cloudfront.get_key_group(Id=id_)["KeyGroup"]["KeyGroupConfig"] == cloudfront.get_key_group_config(Id=id_)["KeyGroupConfig"] == document
    assert id_ in str(cloudfront.list_key_groups()["KeyGroupList"]["Items"])
    updated = cloudfront.update_key_group(Id=id_, IfMatch=group["ETag"], KeyGroupConfig=document | {"Comment": "c"})
    assert refused(cloudfront.delete_public_key, Id=key["PublicKey"]["Id"], IfMatch=key["ETag"]) == ("PublicKeyInUse", 409)
    trusting = behavior(TrustedKeyGroups={"Enabled": True, **listed(id_)})
    distribution = made(cloudfront, config(bucket("a"), default=trusting, Enabled=False))
    assert distribution["ActiveTrustedKeyGroups"]["Items"][0]["KeyPairIds"]["Items"] == document["Items"]
    assert refused(cloudfront.delete_key_group, Id=id_, IfMatch=updated["ETag"]) == ("ResourceInUse", 409)
    cloudfront.delete_distribution(Id=distribution["Id"], IfMatch=cloudfront.get_distribution(Id=distribution["Id"])["ETag"])
    cloudfront.delete_key_group(Id=id_, IfMatch=updated["ETag"])
    cloudfront.delete_public_key(Id=key["PublicKey"]["Id"], IfMatch=key["ETag"])


def test_public_keys_are_what_they_say(cloudfront):
    for text in ["x", encoded(ec.generate_private_key(ec.SECP256R1())), encoded(rsa.generate_private_key(public_exponent=65537, key_size=1024))]:
        code, status = refused(cloudfront.create_public_key, PublicKeyConfig={"CallerReference": "x", "Name": "x", "EncodedKey": text})
        assert code in ("InvalidArgument", "NotImplemented")
    created = cloudfront.create_public_key(PublicKeyConfig={"CallerReference": "fixed", "Name": "fixed", "EncodedKey": encoded(KEY)})
    changed = created["PublicKey"]["PublicKeyConfig"] | {"Name": "other"}
    code = refused(cloudfront.update_public_key, Id=created["PublicKey"]["Id"], IfMatch=created["ETag"], PublicKeyConfig=changed)[0]
    assert code == "CannotChangeImmutablePublicKeyFields"


def test_managed_policies_are_there_and_stay(cloudfront):
    items = cloudfront.list_cache_policies(Type="managed")["CachePolicyList"]["Items"]
    names = {item["CachePolicy"]["Id"]: item["CachePolicy"]["CachePolicyConfig"]["Name"] for item in items}
    assert names[CACHED] == "Managed-CachingOptimized" and {item["Type"] for item in items} == {"managed"}
    shown = cloudfront.get_cache_policy(Id=CACHED)
    assert shown["CachePolicy"]["CachePolicyConfig"]["DefaultTTL"] == 86_400
    assert refused(cloudfront.delete_cache_policy, Id=CACHED, IfMatch=shown["ETag"])[0] == "IllegalDelete"
    custom = cloudfront.list_cache_policies(Type="custom")["CachePolicyList"]
    assert not any(item["Type"] == "managed" for item in custom.get("Items", []))


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"Origins": {"Quantity": 2, "Items": [bucket("a")]}}, "InconsistentQuantities"),
        ({"Origins": listed()}, "InvalidArgument"),
        ({"DefaultCacheBehavior": behavior(target="none")}, "NoSuchOrigin"),
        ({"DefaultCacheBehavior": behavior(policy="none")}, "NoSuchCachePolicy"),
        ({"DefaultCacheBehavior": behavior(OriginRequestPolicyId="none")}, "NoSuchOriginRequestPolicy"),
        ({"DefaultCacheBehavior": behavior(ResponseHeadersPolicyId="none")}, "NoSuchResponseHeadersPolicy"),
        ({"DefaultCacheBehavior": behavior() | {"ViewerProtocolPolicy": "x"}}, "InvalidArgument"),
        ({"DefaultCacheBehavior": behavior(AllowedMethods=methods("GET"))}, "InvalidArgument"),
        ({"DefaultCacheBehavior": behavior(TrustedKeyGroups={"Enabled": True, **listed("none")})}, "TrustedKeyGroupDoesNotExist"),
        ({"DefaultRootObject": "/index.html"}, "InvalidDefaultRootObject"),
        ({"Aliases": listed("localhost.")}, "InvalidArgument"),
        ({"Aliases": listed("127.0.0.1")}, "InvalidArgument"),
        ({"Aliases": listed("x.s3.localhost")}, "InvalidArgument"),
        ({"CustomErrorResponses": listed({"ErrorCode": 418})}, "InvalidErrorCode"),
        ({"CustomErrorResponses": listed({"ErrorCode": 404, "ResponsePagePath": "/x", "ResponseCode": "999"})}, "InvalidResponseCode"),
        ({"Origins": listed(bucket("a", OriginPath="x"))}, "InvalidRelativePath"),
        ({"Origins": listed(bucket("a", OriginAccessControlId="none"))}, "NoSuchOriginAccessControl"),
        ({"Origins": listed(bucket("a") | {"S3OriginConfig": {"OriginAccessIdentity": "x"}})}, "InvalidOriginAccessIdentity"),
        ({"WebACLId": "arn:aws:wafv2:x"}, "NotImplemented"),
        ({"Logging": {"Enabled": True, "IncludeCookies": False, "Bucket": "b", "Prefix": ""}}, "NotImplemented"),
        ({"Restrictions": {"GeoRestriction": {"RestrictionType": "blacklist", **listed("DE")}}}, "NotImplemented"),
        ({"DefaultCacheBehavior": behavior(FunctionAssociations=listed({"FunctionARN": "f", "EventType": "viewer-request"}))}, "NotImplemented"),
        (
            {"DefaultCacheBehavior": behavior(LambdaFunctionAssociations=listed({"LambdaFunctionARN": "f", "EventType": "viewer-request"}))},
            "NotImplemented",
        ),
    ],
)
def test_what_cannot_be_is_refused(cloudfront, more, code):
    assert refused(cloudfront.create_distribution, DistributionConfig=config(bucket("a")) | more)[0] == code


def test_what_is_not_built_says_so(cloudfront):
    code, status = refused(cloudfront.list_functions)
    assert (code, status) == ("NotImplemented", 501)


def test_bad_policies_are_refused(cloudfront):
    def keyed(**more):
        return {"CachePolicyConfig": {"Name": "bad", "MinTTL": 1, "ParametersInCacheKeyAndForwardedToOrigin": KEYED | more}}

    create = cloudfront.create_cache_policy
    assert refused(create, **keyed(CookiesConfig={"CookieBehavior": "x"}))[0] == "InvalidArgument"
    assert refused(create, **keyed(HeadersConfig={"HeaderBehavior": "whitelist", "Headers": listed("a b")}))[0] == "InvalidArgument"
    too_many = {"HeaderBehavior": "whitelist", "Headers": listed(*(f"h{number}" for number in range(51)))}
    assert refused(create, **keyed(HeadersConfig=too_many))[0] == "TooManyHeadersInCachePolicy"
    order = {"Name": "bad", "MinTTL": 10, "MaxTTL": 5, "ParametersInCacheKeyAndForwardedToOrigin": KEYED}
    assert refused(create, CachePolicyConfig=order)[0] == "InvalidTTLOrder"
    header = {"Name": "bad", "CustomHeadersConfig": listed({"Header": "transfer-encoding", "Value": "x", "Override": True})}
    assert refused(cloudfront.create_response_headers_policy, ResponseHeadersPolicyConfig=header)[0] == "InvalidArgument"
