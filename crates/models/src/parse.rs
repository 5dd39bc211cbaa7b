//! From cells to facts: callables, access paths, kinds, entries.

use crate::raw::nearest;
use crate::{Base, Entry, EntryHow, EntryParams, Fact, INTRINSICS, Kind, Kinds, Path, PropValue, SourceKind, Step};

/// Why a cell is wrong, and what to write instead.
pub(crate) type Wrong = (String, String);

pub(crate) fn wrong<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Wrong> {
    Err((message.into(), help.into()))
}

fn unknown<T>(what: &str, word: &str, names: &[&str]) -> Result<T, Wrong> {
    let help = match nearest(word, names.iter().copied()) {
        Some(n) => format!("did you mean `{n}`?"),
        None if names.len() <= 40 => format!("known are {}", names.join(", ")),
        None => "the list is in the description of the format".to_string(),
    };
    wrong(format!("unknown {what} `{word}`"), help)
}

fn is_name(s: &str) -> bool {
    let mut chars = s.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
}

/// A dotted name (`java.sql.Statement`).
pub(crate) fn qualified(s: &str) -> Result<(), Wrong> {
    if !s.is_empty() && s.split('.').all(is_name) {
        return Ok(());
    }
    wrong(format!("`{s}` is no qualified name"), "write names divided by dots, for example `java.sql.Statement`")
}

/// A callable or attribute with its signature: `a.B.m`, `a.B.m(String,int)`, `a.B.<init>`.
pub(crate) fn callable(s: &str) -> Result<(&str, Option<Vec<String>>), Wrong> {
    let bad = |message: String| wrong(message, "write `type.member`, `type.member(String,int)` or `type.<init>`");
    let (name, sig) = match s.split_once('(') {
        None => (s, None),
        Some((name, rest)) => {
            let Some(inner) = rest.strip_suffix(')') else { return bad(format!("`{s}` has no closing parenthesis")) };
            let mut params = Vec::new();
            for p in inner.split(',').filter(|_| !inner.is_empty()) {
                let plain = p.strip_suffix("...").unwrap_or(p);
                let mut element = plain;
                while let Some(e) = element.strip_suffix("[]") {
                    element = e;
                }
                if !is_name(element) {
                    return bad(format!("`{p}` is no simple type name in `{s}`"));
                }
                params.push(p.to_string());
            }
            (name, Some(params))
        }
    };
    let head = name.strip_suffix(".<init>").unwrap_or(name);
    if qualified(head).is_err() {
        return bad(format!("`{name}` is no callable"));
    }
    Ok((name, sig))
}

/// An access path (`arg1.elem`, `kw:shell`).
pub(crate) fn path(s: &str) -> Result<Path, Wrong> {
    let help =
        "write this, ret, arg0, arg0/name, kw:name, arg1+ or arg*, then .elem, .key, .value, .field:name or .all";
    let mut parts = s.split('.');
    let head = parts.next().unwrap_or("");
    let base = match head {
        "this" => Base::This,
        "ret" => Base::Ret,
        "arg*" => Base::AnyArg,
        _ => {
            if let Some(k) = head.strip_prefix("kw:") {
                if !is_name(k) {
                    return wrong(format!("malformed path `{s}`: `{k}` is no name of a keyword"), help);
                }
                Base::Arg { pos: None, keyword: Some(k.to_string()), onwards: false }
            } else if let Some(rest) = head.strip_prefix("arg") {
                let (at, keyword) = match rest.split_once('/') {
                    Some((n, k)) if is_name(k) => (n, Some(k.to_string())),
                    Some((_, k)) => return wrong(format!("malformed path `{s}`: `{k}` is no name of a keyword"), help),
                    None => (rest, None),
                };
                let (digits, onwards) = at.strip_suffix('+').map_or((at, false), |d| (d, true));
                match digits.parse::<u8>() {
                    Ok(n) => Base::Arg { pos: Some(n), keyword, onwards },
                    Err(_) => return wrong(format!("malformed path `{s}`: `{head}` has no position"), help),
                }
            } else {
                return wrong(format!("malformed path `{s}`"), help);
            }
        }
    };
    let mut steps = Vec::new();
    for p in parts {
        steps.push(match p {
            "elem" => Step::Elem,
            "key" => Step::Key,
            "value" => Step::Value,
            "all" => Step::All,
            _ => match p.strip_prefix("field:").filter(|f| is_name(f)) {
                Some(f) => Step::Field(f.to_string()),
                None => return wrong(format!("malformed path `{s}`: unknown step `{p}`"), help),
            },
        });
    }
    Ok(Path { base, steps })
}

fn paths(s: &str) -> Result<Vec<Path>, Wrong> {
    s.split(',').map(|p| path(p.trim())).collect()
}

fn kind(s: &str) -> Result<Kind, Wrong> {
    match Kind::ALL.iter().find(|k| k.name() == s) {
        Some(k) => Ok(*k),
        None => unknown("sink kind", s, &Kind::ALL.iter().map(|k| k.name()).collect::<Vec<_>>()),
    }
}

fn kinds(s: &str) -> Result<Kinds, Wrong> {
    if s == "all" {
        return Ok(Kinds::ALL);
    }
    let mut out = Kinds::NONE;
    for k in s.split(',') {
        out = out.or(Kinds::of(kind(k.trim())?));
    }
    Ok(out)
}

fn source_kind(s: &str) -> Result<SourceKind, Wrong> {
    match SourceKind::ALL.iter().find(|k| k.name() == s) {
        Some(k) => Ok(*k),
        None => unknown("source kind", s, &SourceKind::ALL.iter().map(|k| k.name()).collect::<Vec<_>>()),
    }
}

fn truth(s: &str) -> Result<bool, Wrong> {
    match s {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => wrong(format!("`{s}` is no truth value"), "write true or false"),
    }
}

pub(crate) fn tag(s: &str) -> Result<String, Wrong> {
    if !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Ok(s.to_string());
    }
    wrong(format!("`{s}` is no tag"), "write lower-case words divided by hyphens, for example `weak-hash`")
}

/// Formats of resource files.
const FORMATS: &[&str] = &["properties", "json", "yaml", "ini", "env"];

pub(crate) fn format(s: &str) -> Result<String, Wrong> {
    if FORMATS.contains(&s) { Ok(s.to_string()) } else { unknown("format", s, FORMATS) }
}

/// The facts of a row of `section`, one for each of its inputs; `cells` are those after the callable. The error names the cell.
pub(crate) fn facts(section: &str, cells: &[&str]) -> Result<Vec<Fact>, (usize, Wrong)> {
    let cell = |n: usize| cells.get(n).copied().unwrap_or("");
    let at = |n: usize| move |e: Wrong| (n, e);
    let one = |n: usize| path(cell(n)).map_err(at(n));
    let many = |n: usize| paths(cell(n)).map_err(at(n));
    Ok(match section {
        "source" => {
            let kind = source_kind(cell(1)).map_err(at(1))?;
            many(0)?.into_iter().map(|out| Fact::Source { out, kind }).collect()
        }
        "sink" => {
            let kind = kind(cell(1)).map_err(at(1))?;
            many(0)?.into_iter().map(|input| Fact::Sink { input, kind }).collect()
        }
        "flow" => {
            let to = many(1)?;
            many(0)?.into_iter().map(|from| Fact::Flow { from, to: to.clone() }).collect()
        }
        "decode" => {
            let to = one(1)?;
            many(0)?.into_iter().map(|from| Fact::Decode { from, to: to.clone() }).collect()
        }
        "clean" => {
            let (mut deny, mut allow) = (String::new(), None);
            for (n, c) in cells.iter().enumerate().skip(3) {
                match c.split_once('=') {
                    Some(("deny", v)) => deny = v.to_string(),
                    Some(("allow", v)) => allow = Some(v.to_string()),
                    _ => {
                        return wrong(format!("`{c}` is neither deny nor allow"), "write { deny = \"characters\" }")
                            .map_err(at(n));
                    }
                }
            }
            let (to, kinds) = (one(1)?, kinds(cell(2)).map_err(at(2))?);
            let clean = |from| Fact::Clean { from, to: to.clone(), kinds, deny: deny.clone(), allow: allow.clone() };
            many(0)?.into_iter().map(clean).collect()
        }
        "intrinsic" => match INTRINSICS.binary_search(&cell(0)) {
            Ok(_) => vec![Fact::Intrinsic(cell(0).to_string())],
            Err(_) => return unknown("intrinsic", cell(0), INTRINSICS).map_err(at(0)),
        },
        "prop" => {
            let value = match cell(2).strip_prefix('=') {
                Some(c) => PropValue::Const(c.to_string()),
                None => PropValue::Path(one(2)?),
            };
            vec![Fact::SetProp { on: one(0)?, key: cell(1).to_string(), value }]
        }
        "props" => vec![Fact::CopyProps { from: one(0)?, to: one(1)? }],
        "returns" => {
            let t = cell(0);
            if t != "[]" {
                qualified(t).map_err(at(0))?;
            }
            vec![Fact::Returns(t.to_string())]
        }
        "watch" => vec![Fact::Watch(tag(cell(0)).map_err(at(0))?)],
        "invokes" => {
            let params = if cell(1).is_empty() { Vec::new() } else { many(1)? };
            let to = if cell(2).is_empty() { None } else { Some(one(2)?) };
            vec![Fact::Invokes { callee: one(0)?, params, to }]
        }
        "guard" => {
            vec![Fact::Guard {
                input: one(0)?,
                when: truth(cell(1)).map_err(at(1))?,
                kinds: kinds(cell(2)).map_err(at(2))?,
            }]
        }
        _ => vec![Fact::Neutral],
    })
}

const HOW: &[(&str, EntryHow)] = &[
    ("override", EntryHow::Override),
    ("annotation", EntryHow::Annotation),
    ("param-annotation", EntryHow::ParamAnnotation),
    ("param-default", EntryHow::ParamDefault),
    ("param-name", EntryHow::ParamName),
    ("param-type", EntryHow::ParamType),
    ("name", EntryHow::Name),
    ("class-annotation", EntryHow::ClassAnnotation),
];

/// An entry row; the error names the cell.
pub(crate) fn entry(cells: &[&str]) -> Result<Entry, (usize, Wrong)> {
    let cell = |n: usize| cells.get(n).copied().unwrap_or("");
    let how = match HOW.iter().find(|h| h.0 == cell(0)) {
        Some(h) => h.1.clone(),
        None => {
            return unknown("kind of entry", cell(0), &HOW.iter().map(|h| h.0).collect::<Vec<_>>()).map_err(|e| (0, e));
        }
    };
    if how != EntryHow::Name || !cell(1).is_empty() {
        qualified(cell(1)).map_err(|e| (1, e))?;
    }
    let mut names = Vec::new();
    for n in cell(2).split('|').filter(|_| !cell(2).is_empty()) {
        if !is_name(n) {
            return wrong(format!("`{n}` is no name"), "write names divided by `|`, or an empty text for all")
                .map_err(|e| (2, e));
        }
        names.push(n.to_string());
    }
    let at = |e: Wrong| (3, e);
    let words: Vec<&str> = cell(3).split_whitespace().collect();
    let params = match words.as_slice() {
        [] => EntryParams::None,
        ["from", n, kind] => match n.parse() {
            Ok(n) => EntryParams::From(n, source_kind(kind).map_err(at)?),
            Err(_) => return wrong(format!("`{n}` is no position"), "write `from 0 remote`").map_err(at),
        },
        ["matched", kind] => EntryParams::Matched(source_kind(kind).map_err(at)?),
        ["returns", list] => EntryParams::Returns(kinds(list).map_err(at)?),
        ["type", t] => {
            qualified(t).map_err(at)?;
            EntryParams::Typed(t.to_string())
        }
        _ => {
            let help = "write an empty text, `from 0 remote`, `matched remote`, `type a.B` or `returns xss`";
            return wrong(format!("`{}` says nothing of parameters", cell(3)), help).map_err(at);
        }
    };
    Ok(Entry { how, what: cell(1).to_string(), names, params })
}
