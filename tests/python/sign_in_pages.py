"""A pool's pages as a browser without scripts sees them: links, forms, cookies and redirects."""

import base64
import hashlib
import os
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import requests
from cognito_users import PASSWORD, Pool

CALLBACK = "http://localhost:8484/callback?from=pool"
OTHER_CALLBACK = "myapp://signed-in"
LOGOUT = "http://localhost:8484/bye"


class Page(HTMLParser):
    """What is on a page."""

    def __init__(self, response):
        super().__init__()
        self.response, self.url = response, response.url
        self.forms, self.links, self.texts, self.heading, self.roles = [], [], [], "", {}
        self.open = []
        self.feed(response.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("input", "meta", "link", "br"):
            self.open.append((tag, attributes))
        if tag == "form":
            self.forms.append({"action": attributes["action"], "fields": {}})
        elif tag == "input":
            self.forms[-1]["fields"][attributes["name"]] = attributes
        elif tag == "a":
            self.links.append(attributes["href"])

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        self.texts.append(data)
        for tag, attributes in self.open:
            if tag == "h1":
                self.heading += data
            if "role" in attributes:
                self.roles[attributes["role"]] = self.roles.get(attributes["role"], "") + data

    @property
    def text(self):
        return " ".join(self.texts)

    @property
    def failure(self):
        return self.roles.get("alert")

    def link(self, part):
        return urljoin(self.url, next(link for link in self.links if part in link))


class Visitor:
    """A browser."""

    def __init__(self):
        self.session = requests.Session()

    def get(self, url):
        return self.follow(self.session.get(url, allow_redirects=False))

    def follow(self, response):
        """The page, or the address of the application that the browser was sent to."""
        for _ in range(10):
            if response.status_code not in (302, 303):
                return Page(response)
            to = urljoin(response.url, response.headers["location"])
            if "/_aws/auth/" not in to and "/provider/" not in to:
                return to
            response = self.session.get(to, allow_redirects=False)
        raise AssertionError("redirects go on and on")

    def submit(self, page, number=0, /, **typed):
        form = page.forms[number]
        values = {name: field.get("value", "") for name, field in form["fields"].items()}
        unknown = typed.keys() - values.keys()
        assert not unknown, (unknown, values)
        response = self.session.post(urljoin(page.url, form["action"]), data=values | typed, allow_redirects=False)
        return self.follow(response)


def parameters(url, part="query"):
    """What an address hands over."""
    return dict(parse_qsl(getattr(urlsplit(url), part)))


def pkce():
    verifier = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, challenge


class Site(Pool):
    """A pool with pages, and an application that sends its users there."""

    def __init__(self, server, cognito, name, client=None, **settings):
        oauth = {
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthFlows": ["code", "implicit"],
            "AllowedOAuthScopes": ["openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"],
            "CallbackURLs": [CALLBACK, OTHER_CALLBACK],
            "LogoutURLs": [LOGOUT],
            "SupportedIdentityProviders": ["COGNITO"],
        }
        super().__init__(server, cognito, name, client=oauth | (client or {}), **settings)
        self.domain = name
        cognito.create_user_pool_domain(Domain=name, UserPoolId=self.id)
        self.root = f"{server.endpoint}/_aws/auth/{name}"

    def address(self, path="/oauth2/authorize", **more):
        given = {"client_id": self.client, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email", "state": "st&te"} | more
        return f"{self.root}{path}?{urlencode({name: value for name, value in given.items() if value is not None})}"

    def visit(self, visitor=None, name="ada", password=PASSWORD, **more):
        """Signs in on the page; what comes next."""
        visitor = visitor or Visitor()
        return visitor.submit(visitor.get(self.address(**more)), username=name, password=password)

    def code_for(self, name="ada", **more):
        return parameters(self.visit(name=name, **more))["code"]

    def post(self, path, auth=None, **form):
        return requests.post(self.root + path, data=form, auth=auth)

    def exchange(self, code, /, **more):
        given = {"grant_type": "authorization_code", "client_id": self.client, "code": code, "redirect_uri": CALLBACK} | more
        return self.post("/oauth2/token", **{name: value for name, value in given.items() if value is not None})
