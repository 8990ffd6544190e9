"""The dashboard of the examples, as two people use it at once."""

import json
import re
from urllib.parse import urlsplit

import pytest
from browser import Browser, program
from cdn import Viewer
from cloudlet import wait_until
from cognito_users import PASSWORD
from PIL import Image
from test_bucket_deploys import empty
from test_examples import EXAMPLES, deploy

TITLES = "[...document.querySelectorAll('.task .title')].map(title => title.textContent)"


def code_of(server, address):
    """The code in the newest mail to an address."""

    def mails():
        return [mail for mail in json.loads(server.run("mail", "list", "--json").stdout)["Mails"] if mail["To"] == [address]]

    return re.search(r"\b\d{6}\b", wait_until(mails, what=f"mail to {address}")[0]["Text"]).group()


class Board:
    """What was deployed."""

    def __init__(self, server):
        self.server, self.url = server, deploy(server, EXAMPLES / "dashboard")["outputs"]["SiteUrl"]
        self.viewer = Viewer(server, {"DomainName": urlsplit(self.url).netloc})
        self.cognito = server.client("cognito-idp")
        pools = self.cognito.list_user_pools(MaxResults=60)["UserPools"]
        (self.pool,) = [pool["Id"] for pool in pools if pool["Name"] == "dashboard-dev"]

    def remove(self):
        s3 = self.server.client("s3")
        (bucket,) = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"] if bucket["Name"].startswith("dashboard-avatars")]
        empty(s3, bucket)
        self.server.run("remove", EXAMPLES / "dashboard")

    def add(self, email):
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        self.cognito.admin_create_user(UserPoolId=self.pool, Username=email, UserAttributes=attributes, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(UserPoolId=self.pool, Username=email, Password=PASSWORD, Permanent=True)


class Somebody:
    """A person with a browser."""

    def __init__(self, board, browser):
        self.board, self.browser = board, browser

    def seen(self, heading):
        self.browser.wait_for(f"document.querySelector('h1')?.textContent === {json.dumps(heading)} && document.readyState === 'complete'")

    def submit(self, **typed):
        """Fills the first form of a page that the pool shows, and sends it."""
        for name, value in typed.items():
            self.browser.evaluate(f"document.getElementsByName({json.dumps(name)})[0].value = {json.dumps(value)}")
        self.browser.evaluate("document.querySelector('form button').click()")

    def sign_in(self, email):
        self.browser.open(self.board.url)
        self.browser.wait_for("!document.querySelector('#welcome').hidden")
        self.browser.evaluate("document.querySelector('#enter').click()")
        self.seen("Sign in")
        self.submit(username=email, password=PASSWORD)
        self.browser.wait_for("document.querySelector('#board') && !document.querySelector('#board').hidden")

    def leave(self):
        self.browser.evaluate("document.querySelector('#leave').click()")
        self.browser.wait_for("document.querySelector('#welcome') && !document.querySelector('#welcome').hidden")

    def type(self, form, name, text):
        self.browser.evaluate(f"document.querySelector('{form}').elements.{name}.value = {json.dumps(text)}")
        self.browser.evaluate(f"document.querySelector('{form}').requestSubmit()")

    def sees(self, *titles):
        self.browser.wait_for(f"JSON.stringify({TITLES}) === {json.dumps(json.dumps(titles, separators=(',', ':')))}")

    def asks(self, method, path, body=None, token=None):
        """What the API answers to this person, past the page."""
        token = token or json.loads(self.browser.evaluate("sessionStorage.getItem('tokens')"))["id_token"]
        headers = {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
        answer = self.board.viewer.send(method, f"/api{path}", json.dumps(body or {}), **headers)
        return answer.status, json.loads(answer.body)


@pytest.fixture(scope="module")
def board(server):
    program()
    board = Board(server)
    yield board
    board.remove()


@pytest.mark.timeout(600)
def test_two_people_share_a_board(board, tmp_path):
    board.add("ben@example.com")
    with Browser() as of_ada, Browser() as of_ben:
        ada, ben = Somebody(board, of_ada), Somebody(board, of_ben)
        of_ada.screen(390, 844, density=2, mobile=True)
        # Ada makes an account on the pool's pages.
        of_ada.open(board.url)
        of_ada.wait_for("!document.querySelector('#welcome').hidden")
        of_ada.evaluate("document.querySelector('#enter').click()")
        ada.seen("Sign in")
        of_ada.evaluate("[...document.links].find(link => link.pathname.endsWith('/signup')).click()")
        ada.seen("Create an account")
        ada.submit(username="ada@example.com", password=PASSWORD)
        ada.seen("Confirm your account")
        ada.submit(code=code_of(board.server, "ada@example.com"))
        ada.seen("Sign in")
        ada.submit(username="ada@example.com", password=PASSWORD)
        of_ada.wait_for("document.querySelector('#board') && !document.querySelector('#board').hidden")
        assert of_ada.evaluate("location.search") == "", "what the pool handed over is not left in the address"
        ben.sign_in("ben@example.com")
        # What one does the other sees.
        ada.type("#add", "title", "Paint <b>the</b> fence")
        ben.sees("Paint <b>the</b> fence")
        ben.type(".say", "text", "Which colour?")
        of_ada.wait_for("document.querySelector('.comments')?.textContent.includes('ben Which colour?')")
        of_ben.evaluate("document.querySelector('.on').click()")
        of_ada.wait_for("document.querySelector('[data-state=doing] .title')?.textContent")
        assert of_ben.evaluate("document.querySelector('.remove').hidden"), "it is another's"
        # A picture goes straight to the bucket, and both see it in the size that is shown.
        picture = tmp_path / "ada.png"
        Image.new("RGB", (600, 400), (200, 80, 40)).save(picture)
        of_ada.choose("#picture", picture)
        for browser in (of_ada, of_ben):
            browser.wait_for("document.querySelector('.task .face img')?.naturalWidth === 80", 120)
        assert of_ada.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the phone"
        of_ada.screenshot(tmp_path / "phone.png")
        of_ben.screenshot(tmp_path / "board.png")
        roles(board, ada, ben)
        assert not of_ada.failures and not of_ben.failures, (of_ada.failures, of_ben.failures)
        # Signed out, there is nothing to see, and the pool asks again.
        ada.leave()
        of_ada.evaluate("document.querySelector('#enter').click()")
        ada.seen("Sign in")


def roles(board, ada, ben):
    """What is another's is for managers; the API decides, whatever a page offers."""
    task = ben.browser.evaluate("document.querySelector('.task').dataset.task")
    path = f"/tasks/{task}"
    assert ben.asks("DELETE", path) == (403, {"error": "that is for the task's author, and for managers"})
    assert ben.asks("PATCH", path, {"title": "Mine"})[0] == 403
    assert ben.asks("PATCH", path, {"state": "lost"}) == (400, {"error": "`state` is one of todo, doing, done"})
    assert ben.asks("PUT", "/me", {"avatar": "avatars/another/1.png"})[0] == 403
    assert ben.asks("PATCH", path, {"state": "todo"}, token="e30.e30.e30")[0] == 401
    assert ada.asks("PATCH", path, {"title": "Paint the fence"})[0] == 200
    ben.sees("Paint the fence")
    board.cognito.admin_add_user_to_group(UserPoolId=board.pool, Username="ben@example.com", GroupName="managers")
    assert ben.asks("DELETE", path)[0] == 403, "his token is from before"
    ben.leave()
    ben.sign_in("ben@example.com")
    ben.browser.wait_for("document.querySelector('.remove') && !document.querySelector('.remove').hidden")
    ben.browser.evaluate("document.querySelector('.remove').click()")
    ada.sees()
    (table,) = [name for name in board.server.client("dynamodb").list_tables()["TableNames"] if "dashboard" in name and "Board" in name]
    wait_until(lambda: all(entry["entry"]["S"].startswith("person#") for entry in board.server.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]), what="the comments' end")
