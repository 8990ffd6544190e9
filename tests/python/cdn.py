"""What tests of distributions share: their documents, and viewers."""

import http.client
import itertools
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

CACHED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
NOT_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
BY_ORIGIN = "4cc15a8a-d715-48a4-82b8-cc0b614638fe"
EVERYTHING = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]

_numbers = itertools.count()


def listed(*items, **more):
    return {"Quantity": len(items), **({"Items": list(items)} if items else {}), **more}


def behavior(target="o", policy=CACHED, **more):
    return {"TargetOriginId": target, "ViewerProtocolPolicy": "allow-all", "CachePolicyId": policy, "Compress": True, **more}


def methods(*names):
    return listed(*names, CachedMethods=listed("GET", "HEAD"))


def bucket(name, **more):
    return {"Id": "o", "DomainName": f"{name}.s3.us-east-1.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}, **more}


def http_server(port, **more):
    custom = {"HTTPPort": port, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"}
    return {"Id": "o", "DomainName": "127.0.0.1", "CustomOriginConfig": custom, **more}


def config(*origins, default=None, **more):
    base = {"CallerReference": f"reference-{next(_numbers)}", "Comment": "", "Enabled": True}
    return base | {"Origins": listed(*origins), "DefaultCacheBehavior": default or behavior(), **more}


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def cache(self):
        return self.headers["x-cache"].split()[0]


class Viewer:
    """Sends requests to a distribution, by its own host unless another is given."""

    def __init__(self, server, distribution):
        self.netloc, self.host = urlsplit(server.endpoint).netloc, distribution["DomainName"]

    def send(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.netloc, timeout=30)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers={"Host": self.host} | names)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def get(self, path, **headers):
        return self.send("GET", path, **headers)


def made(cloudfront, document):
    return cloudfront.create_distribution(DistributionConfig=document)["Distribution"]


def tagged(cloudfront, document, **tags):
    items = [{"Key": key, "Value": value} for key, value in tags.items()]
    both = {"DistributionConfig": document, "Tags": {"Items": items}}
    return cloudfront.create_distribution_with_tags(DistributionConfigWithTags=both)["Distribution"]


def invalidate(cloudfront, distribution, *paths):
    batch = {"Paths": listed(*paths), "CallerReference": f"invalidation-{next(_numbers)}"}
    return cloudfront.create_invalidation(DistributionId=distribution["Id"], InvalidationBatch=batch)["Invalidation"]
