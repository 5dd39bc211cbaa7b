//! The format of model files.
//!
//! ```toml
//! [lib]
//! id = "java.jdbc"
//! lang = "java"
//! artifacts = ["jdk"]                      # or "group:artifact:version", "flask==3.1.3", "stdlib"
//! packages = { "jakarta.servlet" = "javax.servlet" }      # other spelling = spelling used here
//!
//! # [callable, input, kind]            callable = "type.member" | "type.member(String,int)" | "module.function" | "type.<init>"
//! sink     = [ ["java.sql.Statement.executeQuery", "arg0", "sql"] ]
//! source   = [ ["javax.servlet.ServletRequest.getParameter", "ret", "remote"] ]
//! flow     = [ ["java.lang.String.trim", "this", "ret"] ]               # several outputs: "this,ret"
//! clean    = [ ["org.owasp.encoder.Encode.forHtml", "arg0", "ret", "xss", { deny = "<>&\"'" }] ]
//! decode   = [ ["java.net.URLDecoder.decode", "arg0", "ret"] ]
//! intrinsic = [ ["java.lang.String.charAt", "str.char_at"] ]
//! prop     = [ ["javax.servlet.http.Cookie.setSecure", "this", "secure", "arg0"], ["a.B.setFeature", "this", "feature:{arg0}", "arg1"], ["a.B.c", "this", "k", "=true"] ]
//! props    = [ ["javax.xml.parsers.DocumentBuilderFactory.newDocumentBuilder", "this", "ret"] ]    # copy properties
//! returns  = [ ["java.sql.Connection.createStatement", "java.sql.Statement"] ]      # methods, functions, attributes, fields
//! watch    = [ ["java.security.MessageDigest.getInstance", "weak-hash"] ]
//! neutral  = [ "java.lang.String.length" ]
//! invokes  = [ ["java.util.List.forEach", "arg0", "this.elem", ""], ["java.util.Optional.map", "arg0", "this.elem", "ret.elem"] ]
//! guard    = [ ["a.B.isSafe", "arg0", true, "path,ssrf"] ]
//! subtype  = [ ["java.sql.PreparedStatement", "java.sql.Statement"] ]     # sub, super
//! alias    = [ ["flask.wrappers.Request", "flask.Request"] ]             # other name, canonical
//! resource = [ ["java.util.Properties.load", "properties"] ]
//! entry    = [ ["override", "javax.servlet.http.HttpServlet", "doGet|doPost", ""],
//!              ["annotation", "flask.Flask.route", "", "from 0 remote"],
//!              ["param-annotation", "org.springframework.web.bind.annotation.RequestParam", "", "matched remote"],
//!              ["param-name", "django", "request", "type django.http.HttpRequest"],
//!              ["annotation", "flask.Flask.route", "", "returns xss,info"],       # text it returns is a sink
//!              ["class-annotation", "org.springframework.web.bind.annotation.RestController", "", "returns xss"] ]
//! # [callable, rule, change]: findings of the rule, and how the call is rewritten
//! fix      = [ ["ssl.wrap", "tls-verification", { when = ["kw:check=false", "!kw:ca"], set = "kw:check=True", tier = "observable",
//!                title = "Check the certificate", message = "The certificate is not checked", note = "self-signed servers are refused" }] ]
//! ```
//!
//! The sections may stand below `[lib]` or before it. A cell for an input takes several paths: `"arg0,arg1"` is one fact for each.
//! In `invokes` the third cell lists what the function's parameters get, in order. `returns` of an array is `[]`.
//! A member's rows are those of the nearest type that has any: rows on a subtype replace those of its supertypes.
//! Types that exist in no library begin with `surefix.` (`surefix.ServletWriter`, the writer of a response).
//!
//! Paths: `this`, `ret`, `arg0`, `arg0/name` (Python: position or keyword), `kw:name`, `arg1+` (and later), `arg*`, each with steps
//! `.elem`, `.key`, `.value`, `.field:x`, `.all`. Java varargs elements are arguments of their own (`arg1+`), an array given
//! in their place is `arg1+.elem`; rows need not say so twice, the analysis looks into arrays in varargs position.
//!
//! # Declarative call rules
//!
//! A row of `fix` makes every call (or read, or store of an attribute) that fulfils all of `when` a finding of the rule, with the text of `message`,
//! and rewrites it. Several members of one type share a row: `requests.get|post|put`. A row without a change only reports.
//!
//! | `when` | holds if |
//! | --- | --- |
//! | `kw:x`, `arg1/x` | the argument is written |
//! | `!kw:x`, `!arg1/x` | it is not, and no unpacked `*x` or `**x` can hold it |
//! | `arg0=SSL\|SSLv3` | every value that it can have is one of these: text (case aside), numbers, `true`, `false`, `null`, or the end of a qualified name (`CERT_NONE`) |
//! | `arg0<2048` | every value that it can have is a smaller number |
//!
//! | change | does |
//! | --- | --- |
//! | `set = "arg0=2048"` | writes the text as the argument. A keyword that is not there is added, a position must be there. What is replaced must be a literal or a constant's name, else the fix is refused |
//! | `remove = "kw:x"` | takes the argument out |
//! | `callee = "a.b.f"` | calls another function, class or static method, and imports it |
//! | `callee = ".name"` | calls another method of the same receiver |
//! | `drop = true` | takes the statement out, when it is nothing but the call |
//!
//! `when`, `set` and `remove` take a text or a list. In the text of `set`, `{a.b.C}` stands for the name under which that type (Python: name of a module) is at hand; it is
//! imported where needed. `tier` is `preserving`, `attack-only` or `observable` (when left out); `note` says who can notice.
//!
//! # Intrinsics
//!
//! Evaluated by the analysis itself on constants, shapes and collections; each also propagates taint as the real function does.
//! Text: `str.char_at` `str.substring` (this, lo, hi) `str.length` `str.equals` `str.equals_ignore_case` `str.contains`
//! `str.starts_with` `str.ends_with` `str.index_of` `str.lower` `str.upper` `str.trim` `str.replace` `str.replace_all` (regular expression)
//! `str.split` `str.concat` `str.is_empty` `str.of` (to text; also `String.valueOf`, `toString`) `str.join` (Java: sep, parts; Python: this, parts)
//! `str.format` (Java: template, args) `str.pyformat` (Python `str.format`) `str.chars` `str.repeat` `str.matches` `str.encode` (to bytes, keeps text)
//! `str.decode` (bytes to text) `str.isdigit` `str.isalnum` `str.partition`.
//! Builders (a mutable text object): `sb.new` (optional initial text) `sb.append` `sb.to_text` `sb.insert` `sb.replace` `sb.delete` `sb.reverse` `sb.set_length`.
//! Numbers: `num.parse` (text to number: clears every kind but keeps nothing) `num.abs` `num.max` `num.min` `num.box`.
//! Lists: `list.new` (optional copy source) `list.of` (arguments) `list.push` `list.insert` `list.get` `list.set` `list.remove_at` `list.pop`
//! `list.extend` `list.size` `list.clear` `list.contains` `list.index_of` `list.sort` `list.reverse` `list.copy` `list.is_empty` `list.to_array` `list.remove`.
//! Iterators: `iter.new` (over this or arg0) `iter.next` `iter.has_next`.
//! Maps: `map.new` `map.of` (key, value, …) `map.put` `map.get` (key, optional default) `map.contains_key` `map.remove` `map.keys` `map.values`
//! `map.entries` `map.size` `map.put_all` `map.setdefault` `entry.key` `entry.value`.
//! Sets use the list operations with `set.add` `set.contains`.
//! Objects: `obj.identity` (result is the receiver) `arg.identity` (result is argument 0) `obj.clone` `obj.equals` `opt.of` `opt.get` `opt.or_else`.
//! Control: `call.never` (the call never returns: it raises or ends the process).
//! Resources: `res.open` (gives the content object of a constant path) `res.load` (loads argument 0 into this) `res.get` (key, optional default).
//! Patterns: `re.compile` (keeps the constant pattern) `re.fullmatch` `re.match` (pattern, text) `re.pattern_fullmatch` `re.pattern_match` (this, text)
//! `re.matcher_matches` (Java: this is `pattern.matcher(text)`); a match proves which characters the text can have.
//! Reflection: `reflect.for_name` (constant class name → class) `reflect.new_instance` `reflect.get_method` `reflect.invoke`.
//! Python builtins: `py.len` `py.str` `py.int` `py.bool` `py.list` `py.dict` `py.tuple` `py.set` `py.isinstance` `py.getattr` `py.setattr` `py.range`
//! `py.enumerate` `py.zip` `py.map` `py.filter` `py.sorted` `py.reversed` `py.any` `py.all` `py.open` `py.iter` `py.next` `py.min` `py.max`.
