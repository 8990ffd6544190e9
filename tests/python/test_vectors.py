"""Vector indexes through boto3: what is near, in which part, with which filter; indexes that are added, restored, imported and denied; and a crash."""

import json
import math
import random

import pytest
from botocore.exceptions import ClientError
from cloudlet import ACCOUNT, REGION, Server, wait_until

DIMENSIONS = 16


def vector(components):
    return {"L": numbers(components)}


def numbers(components):
    return [{"N": repr(component)} for component in components]


def index(name="near", function="COSINE", **more):
    return {
        "IndexName": name,
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": DIMENSIONS,
        "DistanceFunction": function,
        "Projection": {"ProjectionType": "ALL"},
        **more,
    }


TENANTS = [{"AttributeName": "tenant", "SearchSchemaElementType": "HASH"}, {"AttributeName": "kind", "SearchSchemaElementType": "INLINE_FILTER"}]
SCHEMA = {
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("k", "tenant", "kind")],
    "BillingMode": "PAY_PER_REQUEST",
    "VectorIndexes": [index(SearchSchema=TENANTS)],
}
KEYS = {**SCHEMA, "AttributeDefinitions": SCHEMA["AttributeDefinitions"][:1]}


def random_vector(seed):
    chance = random.Random(seed)
    return [chance.uniform(-1, 1) for _ in range(DIMENSIONS)]


def cosine(one, other):
    return 1 - sum(map(lambda pair: pair[0] * pair[1], zip(one, other))) / math.sqrt(sum(x * x for x in one) * sum(x * x for x in other))


@pytest.fixture
def table(dynamodb, unique):
    dynamodb.create_table(TableName=unique, **SCHEMA)
    yield unique
    dynamodb.delete_table(TableName=unique)


def fill(dynamodb, table, count):
    for begin in range(0, count, 25):
        puts = [
            {"PutRequest": {"Item": {"k": {"S": str(number)}, "tenant": {"S": f"t{number % 2}"}, "kind": {"S": f"k{number % 3}"}, "v": vector(random_vector(number))}}}
            for number in range(begin, min(begin + 25, count))
        ]
        dynamodb.batch_write_item(RequestItems={table: puts})


def search(dynamodb, table, query, tenant="t0", kind=None, **more):
    condition, values = "tenant = :t", {":t": {"S": tenant}}
    if kind:
        condition, values = "tenant = :t AND kind = :k", {**values, ":k": {"S": kind}}
    request = {"IndexName": "near", "TopK": 5, "SearchConditionExpression": condition, "ExpressionAttributeValues": values, **more}
    return dynamodb.search_vectors(TableName=table, SearchVector=numbers(query), **request)


def test_the_nearest_are_those_of_a_plain_search(dynamodb, table):
    fill(dynamodb, table, 200)
    query = random_vector("query")
    for kind in (None, "k1"):
        own = [number for number in range(200) if number % 2 == 0 and (kind is None or f"k{number % 3}" == kind)]
        expected = sorted(own, key=lambda number: cosine(query, random_vector(number)))[:5]
        results = search(dynamodb, table, query, kind=kind, ReturnConsumedCapacity="TOTAL")
        assert [int(result["Item"]["k"]["S"]) for result in results["SearchResults"]] == expected
        for result, number in zip(results["SearchResults"], expected):
            assert result["Score"] == pytest.approx(cosine(query, random_vector(number)), abs=1e-6)
            assert "v" not in result["Item"]
        assert results["ConsumedCapacity"]["VectorSearchRequestBytes"] > 100 * DIMENSIONS * 4
    (one,) = search(dynamodb, table, random_vector(4), TopK=1, ProjectionExpression="k, v[0]")["SearchResults"]
    assert one["Item"]["k"] == {"S": "4"} and float(one["Item"]["v"]["L"][0]["N"]) == pytest.approx(random_vector(4)[0], rel=1e-6)
    assert one["Score"] == pytest.approx(0, abs=1e-6)


def test_writes_tell_what_they_took(dynamodb, table):
    put = dynamodb.put_item(TableName=table, Item={"k": {"S": "a"}, "tenant": {"S": "t"}, "v": vector(random_vector(1))}, ReturnConsumedCapacity="INDEXES")
    assert put["ConsumedCapacity"]["VectorIndexes"] == {"near": {"VectorWriteRequestBytes": 1024.0}}
    alone = dynamodb.put_item(TableName=table, Item={"k": {"S": "b"}}, ReturnConsumedCapacity="INDEXES")
    assert "VectorIndexes" not in alone["ConsumedCapacity"]
    with pytest.raises(ClientError, match=f"Invalid size for parameter v, Expected: {DIMENSIONS}, Actual: 1. IndexName: near"):
        dynamodb.put_item(TableName=table, Item={"k": {"S": "c"}, "v": vector([1.0])})
    with pytest.raises(ClientError, match="must be provided when SearchSchema has a HASH key"):
        dynamodb.search_vectors(TableName=table, IndexName="near", SearchVector=numbers(random_vector(1)), TopK=1)


def test_an_index_is_added_and_removed(dynamodb, unique):
    schema = {key: value for key, value in KEYS.items() if key != "VectorIndexes"}
    dynamodb.create_table(TableName=unique, **schema)
    fill(dynamodb, unique, 100)
    dynamodb.update_table(TableName=unique, VectorIndexUpdates=[{"Create": index(function="EUCLIDEAN")}])

    def ready():
        (described,) = dynamodb.describe_table(TableName=unique)["Table"]["VectorIndexes"]
        return described["IndexStatus"] == "ACTIVE" and not described.get("Backfilling") and described

    described = wait_until(ready, 30, "the index")
    assert (described["ItemCount"], described["DistanceFunction"]) == (100, "EUCLIDEAN")
    (one,) = dynamodb.search_vectors(TableName=unique, IndexName="near", SearchVector=numbers(random_vector(7)), TopK=1)["SearchResults"]
    assert one["Item"]["k"] == {"S": "7"}
    with pytest.raises(ClientError, match="Query operation not supported on this index type"):
        dynamodb.query(TableName=unique, IndexName="near", KeyConditionExpression="k = :k", ExpressionAttributeValues={":k": {"S": "7"}})
    dynamodb.update_table(TableName=unique, VectorIndexUpdates=[{"Delete": {"IndexName": "near"}}])
    assert "VectorIndexes" not in dynamodb.describe_table(TableName=unique)["Table"]


def test_imports_fill_vector_indexes(dynamodb, s3, unique):
    s3.create_bucket(Bucket=f"{unique}-bucket")
    lines = (json.dumps({"Item": {"k": {"S": str(number)}, "v": vector(random_vector(number))}}) for number in range(50))
    s3.put_object(Bucket=f"{unique}-bucket", Key="in/1", Body="\n".join(lines))
    parameters = {"TableName": unique, **KEYS, "VectorIndexes": [index()]}
    source = {"S3Bucket": f"{unique}-bucket"}
    begun = dynamodb.import_table(S3BucketSource=source, InputFormat="DYNAMODB_JSON", TableCreationParameters=parameters)
    arn = begun["ImportTableDescription"]["ImportArn"]
    wait_until(lambda: dynamodb.describe_import(ImportArn=arn)["ImportTableDescription"]["ImportStatus"] == "COMPLETED", 60, "the import")
    (one,) = dynamodb.search_vectors(TableName=unique, IndexName="near", SearchVector=numbers(random_vector(33)), TopK=1)["SearchResults"]
    assert one["Item"]["k"] == {"S": "33"}


CONFIG = """
service: {name}
provider: {{ name: aws }}
resources:
  Resources:
    Named:
      Type: AWS::DynamoDB::Table
      Properties:
        TableName: {name}
        BillingMode: PAY_PER_REQUEST
        AttributeDefinitions: [{{ AttributeName: k, AttributeType: S }}, {{ AttributeName: tenant, AttributeType: S }}]
        KeySchema: [{{ AttributeName: k, KeyType: HASH }}]
        VectorIndexes: {indexes}
"""


def test_stacks_have_vector_indexes(server, dynamodb, tmp_path, unique):
    """An index that changes goes and comes back; the others stay as they are."""

    def deploy(*indexes):
        (tmp_path / "serverless.yml").write_text(CONFIG.format(name=unique, indexes=json.dumps(indexes)))
        server.run("deploy", tmp_path)
        described = dynamodb.describe_table(TableName=unique)["Table"]["VectorIndexes"]
        assert all(one["IndexStatus"] == "ACTIVE" for one in described)
        return {one["IndexName"]: (one["DistanceFunction"], one["ItemCount"]) for one in described}

    tenants = index("by-tenant", SearchSchema=TENANTS[:1])
    assert deploy(tenants, index()) == {"by-tenant": ("COSINE", 0), "near": ("COSINE", 0)}
    fill(dynamodb, unique, 20)
    assert deploy(tenants, index(function="EUCLIDEAN")) == {"by-tenant": ("COSINE", 20), "near": ("EUCLIDEAN", 20)}
    assert deploy(tenants) == {"by-tenant": ("COSINE", 20)}
    server.run("remove", tmp_path)
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.describe_table(TableName=unique)


def test_searching_takes_permission_for_the_index(server, iam, dynamodb, table):
    fill(dynamodb, table, 10)
    user = f"{table}-user"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    limited = server.client_as("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])

    def allow(action, resource):
        statement = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{resource}"}
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    allow("dynamodb:*", table)
    with pytest.raises(ClientError, match=f"not authorized to perform: dynamodb:SearchVectors.*table/{table}/index/near"):
        search(limited, table, random_vector(1))
    allow("dynamodb:SearchVectors", f"{table}/index/near")
    assert search(limited, table, random_vector(2))["SearchResults"][0]["Item"]["k"] == {"S": "2"}


def test_vectors_survive_a_crash():
    """Every vector whose write was answered is found after `kill -9`, in an index that was being filled as well."""
    server = Server()
    try:
        dynamodb = server.client("dynamodb")
        dynamodb.create_table(TableName="crashed", **SCHEMA)
        fill(dynamodb, "crashed", 500)
        dynamodb.update_table(TableName="crashed", VectorIndexUpdates=[{"Create": index("later")}])
        dynamodb.put_item(TableName="crashed", Item={"k": {"S": "last"}, "tenant": {"S": "t0"}, "v": vector(random_vector("last"))})
        server.kill()
        server.start()
        dynamodb = server.client("dynamodb")
        assert search(dynamodb, "crashed", random_vector("last"), TopK=1)["SearchResults"][0]["Item"]["k"] == {"S": "last"}

        def ready():
            described = dynamodb.describe_table(TableName="crashed")["Table"]["VectorIndexes"]
            return all(one["IndexStatus"] == "ACTIVE" for one in described) and described

        assert [one["ItemCount"] for one in wait_until(ready, 30, "the index")] == [501, 501]
        for number in (0, 250, 499):
            (one,) = dynamodb.search_vectors(TableName="crashed", IndexName="later", SearchVector=numbers(random_vector(number)), TopK=1)["SearchResults"]
            assert one["Item"]["k"] == {"S": str(number)}
    finally:
        server.kill()
