import os
import re
import sqlite3
import subprocess
from dataclasses import dataclass

from flask import Flask, jsonify, request

app = Flask(__name__)
db = sqlite3.connect("x.db")
ALLOWED = {"name", "age"}


@app.route("/a")
def bad_direct():
    db.execute("select '" + request.args["a"] + "'")


@app.route("/b")
def good_bound():
    db.execute("select ?", (request.args["a"],))


@app.route("/c")
def bad_fstring():
    name = request.args.get("a", "")
    db.execute(f"select '{name}'")


@app.route("/d")
def bad_percent():
    db.execute("select '%s'" % request.form["a"])


@app.route("/e")
def bad_format():
    db.cursor().execute("select '{}'".format(request.form["a"]))


@app.route("/f/<int:n>")
def good_converter(n):
    db.execute("select " + str(n))


@app.route("/g/<n>")
def bad_route_parameter(n):
    db.execute("select " + n)


@app.route("/h")
def good_membership():
    col = request.args["c"]
    if col not in ALLOWED:
        return "no"
    db.execute("select 1 order by " + col)
    return "ok"


@app.route("/i")
def good_dict():
    col = {"a": "x", "b": "y"}[request.args["c"]]
    db.execute("select 1 order by " + col)


@app.route("/j")
def good_list_index():
    parts = ["one", request.args["a"], "two"]
    parts.pop(1)
    db.execute("select '" + parts[1] + "'")


@app.route("/k")
def bad_list_index():
    parts = ["one", request.args["a"], "two"]
    parts.pop(0)
    db.execute("select '" + parts[0] + "'")


@app.route("/l")
def good_number():
    n = int(request.args["a"])
    db.execute(f"select {n}")


def helper(x, flag):
    return x if flag else "fixed"


@app.route("/m")
def good_context():
    db.execute("select '" + helper(request.args["a"], False) + "'")


@app.route("/n")
def bad_context():
    db.execute("select '" + helper(request.args["a"], True) + "'")


@app.route("/o")
def bad_comprehension():
    parts = ["'" + p + "'" for p in request.args.getlist("a")]
    db.execute("select " + ",".join(parts))


@app.route("/p")
def good_placeholders():
    values = request.args.getlist("a")
    marks = ",".join("?" for _ in values)
    db.execute("select 1 where x in (" + marks + ")", values)


@dataclass
class Query:
    text: str
    limit: int = 5


@app.route("/q")
def bad_dataclass():
    q = Query(request.args["a"])
    db.execute("select '" + q.text + "'")


class Repo:
    def __init__(self, name):
        self.name = name

    @property
    def sql(self):
        return "select '" + self.name + "'"


@app.route("/r")
def bad_property():
    db.execute(Repo(request.args["a"]).sql)


@app.route("/s")
def good_fullmatch():
    v = request.args["a"]
    if not re.fullmatch(r"[a-z]+", v):
        raise ValueError
    db.execute("select 1 order by " + v)


@app.route("/t")
def bad_match_without_end():
    v = request.args["a"]
    if re.match(r"[a-z]+", v):
        db.execute("select 1 order by " + v)


@app.route("/u")
def bad_shell():
    subprocess.run("ls " + request.args["a"], shell=True)


@app.route("/v")
def bad_page():
    return "<p>" + request.args["a"] + "</p>"


@app.route("/w")
def bad_page_with_status():
    return f"<p>{request.args['a']}</p>", 404


@app.route("/x")
def good_json():
    return jsonify(a=request.args["a"])


@app.route("/y")
def good_dictionary():
    return {"a": request.args["a"]}


@app.route("/z")
def bad_walrus():
    if (v := request.args.get("a")) is not None:
        db.execute("select '" + v + "'")


@app.route("/aa")
def bad_unpack():
    a, b = request.args["a"], "fixed"
    db.execute("select '" + a + "'")


@app.route("/ab")
def good_unpack():
    a, b = request.args["a"], "fixed"
    db.execute("select '" + b + "'")


@app.route("/ac")
def bad_match():
    match request.args["a"]:
        case "x":
            pass
        case other:
            db.execute("select '" + other + "'")


@app.route("/ad")
def bad_join_path():
    with open(os.path.join("/srv/data", request.args["a"])) as f:
        return {"n": len(f.read())}


@app.route("/ae")
def good_basename():
    with open(os.path.join("/srv/data", os.path.basename(request.args["a"]))) as f:
        return {"n": len(f.read())}


WORD = re.compile(r"[a-z]+")


@app.route("/af")
def good_compiled():
    v = request.args["a"]
    if WORD.fullmatch(v) is None:
        return {}
    db.execute("select 1 order by " + v)
    return {}
