"""Resolves rows about Python libraries; reads a question from standard input and answers in the last line of its output."""

import ast
import builtins
import difflib
import glob
import importlib
import inspect
import json
import os
import re
import sys
import textwrap

ASK = json.load(sys.stdin)
ROOTS = ASK["sources"]
TYPES = {"[]", "this", "arg0", "void", "None"}

# Names that exist only while a program runs, with the reason; the answer lists them.
ALLOWED = {
    "django.http.HttpRequest.session": "set by SessionMiddleware",
    "django.http.HttpRequest.user": "set by AuthenticationMiddleware",
    "django.db.models.Model.objects": "set on each model class",
    "rest_framework.request.Request < django.http.HttpRequest": "forwards to the request that it wraps",
}
# Methods that a framework looks up by name in subclasses.
BY_NAME = {
    "http.server.BaseHTTPRequestHandler": r"do_[A-Z]+",
    "aiohttp.web.View": r"get|post|put|patch|delete|head|options",
    "flask.views.MethodView": r"get|post|put|patch|delete|head|options",
    "starlette.endpoints.HTTPEndpoint": r"get|post|put|patch|delete|head|options",
    "rest_framework.viewsets.ViewSetMixin": r"list|create|retrieve|update|partial_update|destroy",
}


class Missing(Exception):
    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint


class Trusted(Exception):
    def __init__(self, why, name):
        super().__init__(why)
        self.why, self.name = why, name


class Unknown:
    """A name that exists, but whose value only an instance has."""


def nearest(word, names):
    found = difflib.get_close_matches(word, [n for n in names if not n.startswith("__")], 1, 0.6)
    return f"`{found[0]}`" if found else None


def module(name):
    """A module, or None; packages that raise at import count as there when their file is."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
    except BaseException:
        return sys.modules.get(name)


def in_source(cls, name):
    """The attribute is declared or set on `self` in the source of the class or of one of its bases."""
    for c in inspect.getmro(cls):
        if name in getattr(c, "__annotations__", {}) or name in getattr(c, "__slots__", ()):
            return True
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(c)))
        except (OSError, TypeError, SyntaxError, IndentationError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr == name:
                if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "obj", "instance"):
                    return True
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "setattr":
                if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and node.args[1].value == name:
                    return True
    return False


def step(obj, name, path):
    if isinstance(obj, Unknown):
        raise Trusted("an attribute of a value that only an instance has", path)
    try:
        return getattr(obj, name)
    except AttributeError:
        pass
    except BaseException:
        return Unknown()
    if inspect.ismodule(obj):
        sub = module(f"{obj.__name__}.{name}")
        if sub is not None:
            return sub
        if name in getattr(obj, "__annotations__", {}):
            return Unknown()
    if inspect.isclass(obj):
        if in_source(obj, name):
            return Unknown()
        if any("__getattr__" in c.__dict__ for c in inspect.getmro(obj) if c is not object):
            raise Trusted("made by `__getattr__`", path)
    elif not inspect.ismodule(obj) and not callable(obj):
        # An instance: what its class declares.
        if in_source(type(obj), name):
            return Unknown()
    if isinstance(obj, property) or inspect.isfunction(obj):
        raise Trusted("an attribute of a value that only an instance has", path)
    if hasattr(type(obj), "__getattr__") and not inspect.isclass(obj) and not inspect.ismodule(obj):
        raise Trusted("made by `__getattr__`", path)
    if path in ALLOWED:
        raise Trusted(ALLOWED[path], path)
    kind = "module" if inspect.ismodule(obj) else "class" if inspect.isclass(obj) else type(obj).__name__
    raise Missing(f"{kind} `{path.rsplit('.', 1)[0]}` has no `{name}`", nearest(name, dir(obj)))


def resolve(name):
    parts = name.split(".")
    obj, used = None, 0
    for n in range(len(parts), 0, -1):
        m = module(".".join(parts[:n]))
        if m is not None:
            obj, used = m, n
            break
    if obj is None:
        if not hasattr(builtins, parts[0]):
            if static(parts):
                return Unknown()
            raise Missing(f"there is no `{name}` in a module or in the text of a package")
        obj, used = getattr(builtins, parts[0]), 1
    for n in range(used, len(parts)):
        obj = step(obj, parts[n], ".".join(parts[: n + 1]))
    return obj


def static(parts):
    """Looks a name up in the text of a package that cannot be imported: None when there is none, else whether it is there."""
    top = parts[0]
    files = []
    for root in ROOTS:
        files += glob.glob(os.path.join(root, "**", "*"), recursive=True)
    mine = re.compile(rf"(^|/)({top}\.(py|pyi|c)$|[^/]*{top}[^/]*/)", re.I)
    if not any(mine.search(p) for p in files):
        # Installed, but without a library of the system that it needs.
        files = []
        for root in filter(os.path.isdir, sys.path):
            files += glob.glob(os.path.join(root, f"{top}.pyi"))
            files += glob.glob(os.path.join(root, top, "**", "*"), recursive=True)
    files = [p for p in files if p.endswith((".py", ".pyi", ".c", ".h")) and os.path.isfile(p)]
    if not files:
        return None
    name = re.escape(parts[-1])
    word = re.compile(rf"(def|class)\s+{name}\b|\b{name}\s*(:[^=\n]*)?=|\b{name}: |import\s[^\n]*\b{name}\b|[\"']{name}[\"']")
    for path in files:
        with open(path, encoding="utf-8", errors="replace") as f:
            if word.search(f.read()):
                raise Trusted("only looked up in the text of a package that cannot be imported here", ".".join(parts))
    return len(parts) == 1


def parameters(obj):
    """Positional names without the receiver, all names, whether any more are taken; None when unknown."""
    try:
        sig = inspect.signature(obj)
    except Exception:
        # Built-in functions without a signature, proxies that want a request.
        return None
    ps = list(sig.parameters.values())
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in ps):
        return None
    pos = [p.name for p in ps if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return pos, [p.name for p in ps]


def check_paths(name, obj, paths):
    if isinstance(obj, (Unknown, property)) or not callable(obj):
        return
    known = parameters(obj)
    if known is None:
        return
    pos, every = known
    # A bound method's signature leaves the receiver out.
    receiver = int(bool(pos) and pos[0] in ("self", "cls") and not inspect.ismethod(obj))
    pos = pos[receiver:]
    shown = ", ".join(every[receiver:])
    for path in paths:
        base = path.split(".")[0]
        m = re.fullmatch(r"arg(\d+)(\+?)(?:/(\w+))?", base)
        if base.startswith("kw:") and base[3:] not in every:
            raise Missing(f"`{name}` has no parameter `{base[3:]}`", nearest(base[3:], every) or f"one of ({shown})")
        if not m:
            continue
        n, word = int(m.group(1)), m.group(3)
        if word and word not in every:
            raise Missing(f"`{name}` has no parameter `{word}`", nearest(word, every) or f"one of ({shown})")
        if n >= len(pos) and not (word and word in every):
            raise Missing(f"`{name}` has no argument {n}", f"({shown})")
        if word and n < len(pos) and pos[n] != word and word in pos:
            raise Missing(f"parameter `{word}` of `{name}` is argument {pos.index(word)}, not {n}", f"`arg{pos.index(word)}/{word}`")


def check_type(name):
    if name in TYPES or name.startswith("surefix."):
        if name.startswith("surefix."):
            raise Trusted("a type of the analysis itself", name)
        return None
    return resolve(name)


def callable_name(cell):
    return cell.split("(")[0]


def check(row):
    section, cells = row["section"], row["cells"]
    first = callable_name(cells[0])
    out = {}
    own = True
    try:
        if section == "type":
            resolve(first)
        elif section == "subtype":
            a = check_type(cells[0])
            own = False
            b = check_type(cells[1])
            own = True
            pair = f"{cells[0]} < {cells[1]}"
            if pair in ALLOWED:
                raise Trusted(ALLOWED[pair], pair)
            if inspect.isclass(a) and inspect.isclass(b) and not issubclass(a, b):
                raise Missing(f"`{cells[0]}` is no subclass of `{cells[1]}`")
        elif section == "alias":
            resolve(first)
            own = False
            check_type(cells[1])
        elif section == "entry":
            how, what, names, says = (cells + [""] * 4)[:4]
            obj = None if not what else check_type(what)
            if how == "override":
                for n in filter(None, names.split("|")):
                    if re.fullmatch(BY_NAME.get(what, "-"), n):
                        out["trust"] = ("a method that the framework looks up by its name", f"{what}.{n}")
                    elif not hasattr(obj, n) and n not in getattr(obj, "http_method_names", ()):
                        raise Missing(f"`{what}` has no method `{n}`", nearest(n, dir(obj)))
            if says.startswith("type "):
                own = False
                check_type(says[5:])
        elif first.startswith("surefix."):
            raise Trusted("a type of the analysis itself", first)
        else:
            obj = resolve(first)
            if section == "returns":
                own = False
                check_type(cells[1])
            else:
                check_paths(first, obj, row["paths"])
    except Trusted as t:
        out["trust"] = (t.why, t.name)
    except Missing as e:
        out["error"], out["hint"] = str(e), e.hint
        if not own:
            out["mentions"] = cells[3][5:] if section == "entry" else cells[1]
    except Exception as e:
        out["trust"] = (f"looking into it raises {type(e).__name__}", first)
    return out


def settings():
    """Django's models and views need settings before they are imported."""
    try:
        from django.conf import settings as s
    except ImportError:
        return
    apps = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages"]
    try:
        s.configure(INSTALLED_APPS=apps, DATABASES={}, SECRET_KEY="resolve")
        import django

        django.setup()
    except Exception:
        pass


def main():
    sys.setrecursionlimit(10000)
    settings()
    answers = []
    for row in ASK["rows"]:
        a = {"error": None, "hint": None, "trust": None, "mentions": None}
        a.update(check(row))
        answers.append(a)
    sys.stdout.flush()
    print("\n" + json.dumps(answers))


main()
