"""The shop as it was: one Flask application that does everything, and keeps orders in its memory."""

from flask import Flask, abort, jsonify, redirect, request, url_for

app = Flask(__name__)
orders = {"1": {"id": "1", "item": "teapot", "quantity": 2}}


@app.get("/")
def home():
    return f"<h1>The shop</h1><p>{len(orders)} orders, seen by {request.headers.get('X-Forwarded-For', 'nobody else')}</p>"


@app.get("/orders/<id>")
def show(id):
    return jsonify(orders[id]) if id in orders else abort(404)


@app.post("/orders")
def place():
    order = {**request.get_json(), "id": str(len(orders) + 1)}
    orders[order["id"]] = order
    return jsonify(order), 201


@app.get("/latest")
def latest():
    return redirect(url_for("show", id=max(orders, key=int)))


@app.errorhandler(404)
def missing(_):
    return jsonify(message="There is no such thing here."), 404


if __name__ == "__main__":
    import os

    app.run("127.0.0.1", int(os.environ.get("PORT", "5000")))
