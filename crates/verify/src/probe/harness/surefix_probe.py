"""Calls the functions of probes, each with a harmless input and with an attack, and writes down what reaches the sinks.

Arguments: file of cases (one JSON object a line), file of results. The object on which the sink is called is replaced by a stand-in
that remembers its calls; files, log records and responses are looked at for real. Every call runs in a process of its own.
"""

import ast
import asyncio
import importlib
import inspect
import io
import json
import logging
import os
import select
import shlex
import signal
import sys
import time
from unittest import mock

PATIENCE = 10.0
ALL = 240.0
BASE = "/tmp/surefix-base"
OUTSIDE = "/tmp/surefix-outside/outside.txt"

ATTACKS = {
    "sql-injection": "surefix' OR 'surefix'='surefix",
    "command-injection": "1;touch surefix",
    "path-traversal": "../" * 16 + OUTSIDE[1:],
    "zip-slip": "../" * 16 + OUTSIDE[1:],
    "xss": "surefix'\"><surefix>",
    "header-injection": "1\r\nsurefix: 1",
    "log-injection": "1\r\nsurefix: 1",
    "ldap-injection": "*)(surefix=*",
    "xpath-injection": "1' or 'surefix'='surefix",
    "open-redirect": "https://surefix.example/",
    "template-injection": "surefix{{7*191}}",
    "code-injection": f"open({OUTSIDE!r}).close()",
    "insecure-deserialization": f"!!python/object/apply:builtins.open [{OUTSIDE}]",
}
BENIGN = {
    "open-redirect": "/surefixbenign",
    "template-injection": "surefixbenign",
    "path-traversal": "surefixbenign.txt", "zip-slip": "surefixbenign.txt", "xss": "surefixbenign"}


class NotCalled(Exception):
    """The function cannot be called; the text says why."""


def within(node, line, col):
    end = (node.end_lineno, node.end_col_offset)
    start = min([(node.lineno, node.col_offset)] + [(d.lineno, d.col_offset) for d in getattr(node, "decorator_list", [])])
    return start <= (line, col) < end


def functions(tree, line, col):
    """The functions and classes around a place, outermost first."""
    out, todo = [], [tree]
    while todo:
        node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if hasattr(child, "lineno") and not within(child, line, col):
                continue
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                out.append(child)
            todo.append(child)
    out.sort(key=lambda n: (n.lineno, n.col_offset))
    return out


def call_at(tree, line, col):
    """The largest call that begins at a place."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and (n.lineno, n.col_offset) == (line, col)]
    return max(calls, key=lambda n: (n.end_lineno, n.end_col_offset), default=None)


def head(expr):
    """The expression from which a chain of attributes and calls starts."""
    while True:
        if isinstance(expr, (ast.Attribute, ast.Subscript, ast.Await)):
            expr = expr.value
        elif isinstance(expr, ast.Call):
            if getattr(expr.func, "id", "") == "closing" and expr.args:
                expr = expr.args[0]
            else:
                expr = expr.func
        else:
            return expr


def value_of(function, name):
    """The only value that a function gives to a local variable."""
    found = []
    for n in ast.walk(function):
        if isinstance(n, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in n.targets):
            found.append(n.value)
        elif isinstance(n, (ast.With, ast.AsyncWith)):
            found += [i.context_expr for i in n.items if isinstance(i.optional_vars, ast.Name) and i.optional_vars.id == name]
    return found[0] if found else None


def root_of(function, call):
    """The name behind the receiver of the sink, and whether it is a parameter."""
    name = head(call.func)
    for _ in range(8):
        if not isinstance(name, ast.Name):
            return None, False
        arguments = function.args
        params = [a.arg for a in arguments.posonlyargs + arguments.args + arguments.kwonlyargs]
        if name.id in params:
            return name.id, True
        value = value_of(function, name.id)
        if value is None:
            return name.id, False
        name = head(value)
    return None, False


def load(path):
    """The module of a file, imported under the name by which its package knows it."""
    top, parts = os.path.split(os.path.abspath(path))
    parts = [os.path.splitext(parts)[0]]
    while os.path.isfile(os.path.join(top, "__init__.py")):
        top, package = os.path.split(top)
        parts.insert(0, package)
    if parts[-1] == "__init__":
        parts.pop()
    for p in (os.getcwd(), top):
        if p not in sys.path:
            sys.path.insert(0, p)
    return importlib.import_module(".".join(parts))


def django_settings():
    """The settings that the project's manage.py names."""
    try:
        with open("manage.py") as f:
            tree = ast.parse(f.read())
    except (OSError, SyntaxError, ValueError):
        return None
    for n in ast.walk(tree):
        texts = [a.value for a in getattr(n, "args", []) if isinstance(a, ast.Constant)] if isinstance(n, ast.Call) else []
        if len(texts) == 2 and texts[0] == "DJANGO_SETTINGS_MODULE":
            return texts[1]
    return None


def django_ready():
    import django
    from django.conf import settings

    named = os.environ.get("DJANGO_SETTINGS_MODULE") or django_settings()
    if named:
        os.environ["DJANGO_SETTINGS_MODULE"] = named
        sys.path.insert(0, os.getcwd())
        django.setup()
    elif not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], DEBUG=False, SECRET_KEY="x")


def key_near(tree, line, col):
    """The text by which the input is taken: `.get("key")` or `["key"]` around the source."""
    best = None
    for n in ast.walk(tree):
        if not hasattr(n, "lineno") or not within(n, line, col):
            continue
        text = None
        if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant):
            text = n.slice.value
        elif isinstance(n, ast.Call) and n.args and isinstance(n.args[0], ast.Constant):
            if isinstance(n.func, ast.Attribute) and n.func.attr in ("get", "getlist", "get_argument", "getone", "pop", "__getitem__"):
                text = n.args[0].value
        size = (n.end_lineno - n.lineno, n.end_col_offset - n.col_offset)
        if isinstance(text, str) and (best is None or size < best[0]):
            best = (size, text)
    return best[1] if best else None


class Started(Exception):
    """Instead of a program that would be started."""


def second_command(text):
    """True when a shell would take the attack's command for one of its own, and not for a part of a word."""
    words = shlex.shlex(text, posix=True, punctuation_chars=";&|\n")
    words.whitespace_split = True
    try:
        return "touch" in list(words)
    except ValueError:
        return True


# The attack is code that opens a file.
CODE = ("code-injection", "insecure-deserialization")


class Seen:
    """What reached the sink."""

    def __init__(self, rule, attack):
        self.rule, self.attack = rule, attack
        self.text = ATTACKS[rule] if attack else BENIGN.get(rule, "1")
        self.calls, self.hit, self.ended = 0, "", False

    def look(self, where, text, shell=True):
        self.calls += 1
        if self.hit:
            return
        if self.rule in ("path-traversal", "zip-slip"):
            path = os.path.normpath(os.path.join(os.getcwd(), text))
            found = path == OUTSIDE if self.attack else "surefixbenign.txt" in path
        elif self.rule in ("header-injection", "log-injection"):
            found = "\nsurefix" in text if self.attack else True
        elif self.rule == "xss":
            found = "<surefix>" in text if self.attack else "surefixbenign" in text
        elif self.rule == "open-redirect":
            found = text.startswith("https://surefix.example") if self.attack else True
        elif self.rule == "template-injection":
            found = "surefix1337" in text if self.attack else "surefixbenign" in text
        elif self.rule in CODE:
            found = os.path.normpath(text) == OUTSIDE
        elif self.rule == "command-injection":
            found = shell and second_command(text) if self.attack else True
        else:
            found = self.text in text if self.attack else True
        if found:
            self.hit = where

    def file(self, event, args):
        if event in FILE_EVENTS and self.rule in ("path-traversal", "zip-slip") + CODE:
            for a in args[:2]:
                if isinstance(a, (str, bytes, os.PathLike)):
                    self.look(event, os.fsdecode(a))

    def command(self, event, args):
        if self.rule != "command-injection" or self.ended or event not in ("os.system", "subprocess.Popen"):
            return
        if event == "os.system":
            self.look(event, os.fsdecode(args[0]))
        else:
            words = args[1] if isinstance(args[1], (list, tuple)) else [args[1]]
            words = [os.fsdecode(w) for w in words]
            shell = len(words) > 2 and os.path.basename(words[0]) in ("sh", "bash") and words[1] == "-c"
            self.look(event, words[2] if shell else " ".join(words), shell)
        # It has been seen: nothing needs to be started.
        raise Started

    def stand_in(self, root, case):
        """The calls that a stand-in remembers."""
        for name, args, kwargs in root.mock_calls:
            last = name.rsplit(".", 1)[-1].removesuffix("()")
            if last and last != case["method"] and name:
                continue
            if case["keyword"] and case["keyword"] in kwargs:
                value = kwargs[case["keyword"]]
            elif case["arg"] is not None and case["arg"] < len(args):
                value = args[case["arg"]]
            elif args:
                value = args[0]
            else:
                continue
            where = name or case["method"]
            self.look(where, value if isinstance(value, str) else str(value))


FILE_EVENTS = {"open", "os.remove", "os.rename", "os.listdir", "os.scandir", "os.rmdir", "os.mkdir", "shutil.copyfile", "shutil.rmtree"}


# Rules whose sink is a call on an object that a stand-in can take the place of.
STOOD_IN = ("sql-injection", "ldap-injection", "xpath-injection")


class Records(logging.Handler):
    """Takes the records of all loggers."""

    def __init__(self, seen):
        super().__init__(0)
        self.seen = seen

    def emit(self, record):
        self.seen.look("log", record.getMessage())


def fill(parameter, rule):
    """A value for a parameter that does not carry the input."""
    if parameter.default is not inspect.Parameter.empty:
        return parameter.default
    kind = parameter.annotation
    if kind in (str, "str"):
        return BASE if rule == "path-traversal" else "1"
    if kind in (int, "int"):
        return 1
    if rule in ("path-traversal", "zip-slip"):
        return BASE
    return mock.MagicMock()


def run(function, args, kwargs):
    result = function(*args, **kwargs)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    if inspect.isgenerator(result):
        result = list(result)
    return result


def body(seen, result):
    """What a handler answers."""
    if seen.rule not in ("xss", "header-injection", "open-redirect", "template-injection"):
        return
    if isinstance(result, tuple):
        result = result[0] if result else ""
    headers = getattr(result, "headers", None)
    if seen.rule == "open-redirect":
        to = (headers or {}).get("Location")
        if to:
            seen.look("location", str(to))
        return
    if seen.rule == "header-injection":
        for name, value in dict(headers or {}).items():
            seen.look("header", f"{name}: {value}")
        return
    kind = str(getattr(result, "content_type", None) or getattr(result, "mimetype", None) or "text/html")
    if "html" not in kind:
        return
    if isinstance(result, str):
        seen.look("body", str(result))
    for name in ("get_data", "content", "body", "data"):
        value = getattr(result, name, None)
        if name == "get_data" and callable(value):
            value = value()
        if isinstance(value, (bytes, str)):
            seen.look("body", value if isinstance(value, str) else value.decode("utf-8", "replace"))
            break


def other_inputs(function):
    """The other names under which a handler asks for something: with none of them it might turn away at once."""
    found = {}
    for n in ast.walk(function):
        if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant):
            found[n.slice.value] = "1"
        elif isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in ("get", "getlist") and n.args:
            if isinstance(n.args[0], ast.Constant):
                found[n.args[0].value] = "1"
    return {k: v for k, v in found.items() if isinstance(k, str)}


def flask_context(case, values, text, module):
    import flask

    app = next((v for v in vars(module).values() if isinstance(v, flask.Flask)), None) or flask.Flask("surefix")
    if hasattr(app, "secret_key") and not app.secret_key:
        app.secret_key = "surefix"
    key = case["key"]
    part = case["source"]["name"].rsplit(".", 1)[-1]
    if part in ("form", "values"):
        return app.test_request_context("/", method="POST", data=values)
    if part in ("json", "get_json"):
        return app.test_request_context("/", method="POST", json=values)
    if part in ("data", "get_data"):
        return app.test_request_context("/", method="POST", data=text)
    if part == "cookies":
        return app.test_request_context("/", environ_base={"HTTP_COOKIE": f"{key}={text}"})
    if part == "headers":
        return app.test_request_context("/", environ_base={"HTTP_" + key.upper().replace("-", "_"): text})
    return app.test_request_context("/", query_string=values)


def django_request(case, values, text):
    from django.test import RequestFactory

    part = case["source"]["name"].rsplit(".", 1)[-1]
    if part == "POST":
        request = RequestFactory().post("/", values)
    elif part == "FILES":
        from django.core.files.uploadedfile import SimpleUploadedFile

        request = RequestFactory().post("/", {**values, case["key"]: SimpleUploadedFile("surefix", text.encode())})
    elif part == "body":
        request = RequestFactory().post("/", data=text.encode(), content_type="text/plain")
    else:
        request = RequestFactory().get("/", values)
    if part == "COOKIES":
        request.COOKIES[case["key"]] = text
    # What the middleware of a site would add.
    request.user = mock.MagicMock()
    request.session = {}
    return request


def once(case, attack):
    """Calls the function of a case once: what was seen and how it ended."""
    rule = case["rule"]
    seen = Seen(rule, attack)
    source, sink = case["source"], case["sink"]
    source_tree = ast.parse(case["texts"][source["file"]])
    sink_tree = ast.parse(case["texts"][sink["file"]])
    around = functions(source_tree, source["line"], source["col"])
    if not around or isinstance(around[-1], ast.ClassDef):
        raise NotCalled("the input does not come in through a function")
    if any(not isinstance(f, ast.ClassDef) for f in around[:-1]):
        raise NotCalled("the function stands inside another one")
    outer = functions(sink_tree, sink["line"], sink["col"])
    call = call_at(sink_tree, sink["line"], sink["col"])
    uses_django = "django" in source["name"]
    if uses_django:
        django_ready()
    module = load(source["file"])
    where = load(sink["file"])
    owner = module
    for f in around[:-1]:
        owner = getattr(owner, f.name)
    function = inspect.unwrap(getattr(owner, around[-1].name))
    function = getattr(function, "__func__", function)
    if not callable(function):
        raise NotCalled("the name of the function means something else at run time")
    signature = inspect.signature(function)
    key = key_near(source_tree, source["line"], source["col"]) or "surefix"
    case["key"] = key
    values = {**other_inputs(around[-1]), key: seen.text}
    # A parameter is named as it is, a member with its module.
    parameter = None if "." in source["name"] else source["name"]
    if parameter is not None and parameter not in signature.parameters:
        raise NotCalled("the parameter is not there at run time")
    root = mock.MagicMock()
    patches, root_param = [], None
    if call is not None and outer and rule in STOOD_IN:
        name, is_param = root_of(outer[-1], call)
        same = sink["file"] == source["file"] and outer[-1].lineno == around[-1].lineno
        if is_param and same:
            root_param = name
        elif name is not None and not is_param and hasattr(where, name):
            patches.append(mock.patch.object(where, name, root))
    if rule == "sql-injection" and not patches and root_param is None:
        for dotted in case["connects"]:
            package, _, name = dotted.rpartition(".")
            if package in sys.modules:
                patches.append(mock.patch.object(sys.modules[package], name, root))
    args, kwargs = [], {}
    for n, p in signature.parameters.items():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        if n == parameter:
            value = seen.text
        elif n == root_param:
            value = root
        elif uses_django and n == "request":
            value = django_request(case, values, seen.text)
        elif n in ("self", "cls"):
            value = mock.MagicMock()
        else:
            value = fill(p, rule)
        if p.kind is p.KEYWORD_ONLY:
            kwargs[n] = value
        else:
            args.append(value)
    context = None
    if "flask" in source["name"] or "werkzeug" in source["name"]:
        context = flask_context(case, values, seen.text, module)
    elif "flask" in sys.modules and parameter is not None:
        context = flask_context({"source": {"name": "args"}, "key": "surefix"}, {}, "1", module)
    handler = Records(seen) if rule == "log-injection" else None
    if handler:
        logging.disable(logging.NOTSET)
        names = [logging.getLogger(n) for n in list(logging.root.manager.loggerDict)]
        for logger in [logging.root] + names:
            logger.setLevel(1)
            logger.disabled = False
            logger.propagate = True
        logging.root.addHandler(handler)
    sys.addaudithook(seen.file)
    sys.addaudithook(seen.command)
    for p in patches:
        p.start()
    try:
        if context is not None:
            with context:
                result = run(function, args, kwargs)
        else:
            result = run(function, args, kwargs)
        how = "returned"
        body(seen, result)
    except BaseException as e:  # noqa: B902 - whatever the function throws is how it ended
        how = "threw " + type(e).__name__
    seen.ended = True
    for p in patches:
        p.stop()
    seen.stand_in(root, case)
    return seen, how


def child(case, attack, out):
    try:
        os.makedirs(BASE, exist_ok=True)
        os.makedirs(os.path.dirname(OUTSIDE), exist_ok=True)
        for path in (OUTSIDE, os.path.join(BASE, "surefixbenign.txt")):
            with open(path, "w") as f:
                f.write("1")
        seen, how = once(case, attack)
        answer = [str(seen.calls), seen.hit, how]
    except NotCalled as e:
        answer = ["0", "", f"not called: {e}"]
    except BaseException as e:  # noqa: B902 - an import of the project may do anything
        # Texts of exceptions can hold places of the machine.
        missing = f" ({e.name})" if isinstance(e, ModuleNotFoundError) else ""
        answer = ["0", "", f"not called: {type(e).__name__}{missing}"]
    line = "\t".join(a.replace("\t", " ").replace("\n", " ").replace("\r", " ") for a in answer)
    os.write(out, line.encode("utf-8", "replace")[:2000])


def one(case, attack, patience):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        os.setsid()
        # What scanned code prints is of no interest.
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(), io.StringIO(), io.StringIO()
        child(case, attack, write)
        os._exit(0)
    os.close(write)
    ready, _, _ = select.select([read], [], [], patience)
    answer = os.read(read, 4096).decode("utf-8", "replace") if ready else ""
    os.close(read)
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass
    os.waitpid(pid, 0)
    return answer or "0\t\tnot called: it did not end in time"


def main():
    began = time.monotonic()
    with open(sys.argv[1], encoding="utf-8") as f:
        cases = [json.loads(line) for line in f if line.strip()]
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        for case in cases:
            for attack in (False, True):
                left = ALL - (time.monotonic() - began)
                if left <= 0:
                    return
                mode = "attack" if attack else "benign"
                out.write(f"{case['id']}\t{mode}\t{one(case, attack, min(PATIENCE, left))}\n")
                out.flush()


if __name__ == "__main__":
    main()
