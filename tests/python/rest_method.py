"""A REST API of a test: methods with all that stands between them and what they integrate."""

import json
import re
from contextlib import suppress

from test_apigateway import send


class RestApi:
    """An API, whose stage `dev` serves what it was at the last `deploy`."""

    def __init__(self, server, name, client=None, **options):
        self.server, self.client = server, client or server.client("apigateway")
        made = self.client.create_rest_api(name=name, **options)
        self.id, self.root = made["id"], made["rootResourceId"]

    def resource(self, path):
        """The id of a path's resource, which is made where it is not there."""
        parent = self.root
        for part in filter(None, path.split("/")):
            items = self.client.get_resources(restApiId=self.id, limit=500)["items"]
            found = [item["id"] for item in items if item.get("parentId") == parent and item.get("pathPart") == part]
            parent = found[0] if found else self.client.create_resource(restApiId=self.id, parentId=parent, pathPart=part)["id"]
        return parent

    def method(self, verb, path, integration, responses=None, **options):
        """Puts a method with its integration, and responses by status; returns what names it."""
        key = {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": verb}
        with suppress(self.client.exceptions.NotFoundException):
            self.client.delete_method(**key)
        declared = {source for source in integration.get("requestParameters", {}).values() if re.match(r"method\.request\.(header|querystring|path)\.", source)}
        declared |= {f"method.request.path.{name}" for name in re.findall(r"\{(\w+)\+?\}", path)}
        options = {"authorizationType": "NONE", "requestParameters": dict.fromkeys(declared, False)} | options
        self.client.put_method(**key, **options)
        self.client.put_integration(**key, **integration)
        for status, response in (responses or {}).items():
            headers = dict.fromkeys(response.get("responseParameters", {}), False)
            self.client.put_method_response(**key, statusCode=status, responseParameters=headers)
            self.client.put_integration_response(**key, statusCode=status, **response)
        return key

    def deploy(self, **options):
        return self.client.create_deployment(restApiId=self.id, stageName="dev", **options)["id"]

    def send(self, verb, path, body=None, **headers):
        return send(self.server, verb, f"/_aws/execute-api/{self.id}/dev{path}", body, **headers)

    def json(self, verb, path, body=None, **headers):
        """The status and the body, which is JSON."""
        headers = {"Content_Type": "application/json"} | headers if body is not None else headers
        status, _, answer = self.send(verb, path, body, **headers)
        return status, json.loads(answer) if answer else None


def template(text, **more):
    return {"responseTemplates": {"application/json": text}} | more


MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
