//! What a value is for, as far as the names around it tell: whether it becomes something that must stay secret.

use crate::DetectCx;
use surefix_dataflow::CallFact;
use surefix_ir::{Op, Term, ValueId};
use surefix_text::{FileId, Span};

/// Words of names that stand for something an attacker must not guess.
const SECRET: &[&str] = &[
    "token",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "nonce",
    "salt",
    "otp",
    "csrf",
    "xsrf",
    "session",
    "sessionid",
    "cookie",
    "credential",
    "credentials",
    "captcha",
    "apikey",
    "jwt",
    "pin",
];

/// Pairs of words with that meaning.
const SECRET_PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("secret", "key"),
    ("private", "key"),
    ("encryption", "key"),
    ("signing", "key"),
    ("remember", "me"),
    ("reset", "code"),
    ("verification", "code"),
    ("activation", "code"),
    ("confirmation", "code"),
    ("auth", "code"),
    ("access", "code"),
    ("access", "key"),
    ("invite", "code"),
    ("one", "time"),
];

/// The words of every identifier in `code`, lower case, string literals left out; a [`None`] ends each identifier.
fn words(code: &str) -> Vec<Option<String>> {
    let mut out = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut before = ' ';
    let flush = |word: &mut String, out: &mut Vec<Option<String>>| {
        if !word.is_empty() {
            out.push(Some(std::mem::take(word).to_lowercase()));
        }
    };
    for c in code.chars() {
        if let Some(q) = quote {
            if c == q && before != '\\' {
                quote = None;
            }
            before = c;
            continue;
        }
        match c {
            '"' | '\'' => {
                flush(&mut word, &mut out);
                out.push(None);
                quote = Some(c);
            }
            c if c.is_alphanumeric() => {
                if c.is_uppercase() && before.is_lowercase() {
                    flush(&mut word, &mut out);
                }
                word.push(c);
            }
            '_' => flush(&mut word, &mut out),
            _ => {
                flush(&mut word, &mut out);
                out.push(None);
            }
        }
        before = c;
    }
    flush(&mut word, &mut out);
    out
}

/// Methods of database sessions: `session.add(row)` says nothing about a session of a user.
const DATABASE: &[&str] = &[
    "session.add(",
    "session.add_all(",
    "session.bulk_",
    "session.commit(",
    "session.delete(",
    "session.execute(",
    "session.flush(",
    "session.get(",
    "session.merge(",
    "session.persist(",
    "session.query(",
    "session.save(",
    "session.saveOrUpdate(",
    "session.scalar(",
    "session.scalars(",
];

/// Stores that values are put into: what they are called says nothing about the value.
const STORES: &[&str] = &["session", "cookies"];

/// The code without the stores on which methods are called: `userSession.setValue(x)` keeps a value for a session, it makes none.
fn without_stores(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(|c: char| c.is_alphanumeric() || c == '_') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let tail = rest.get(at..).unwrap_or("");
        let end = tail.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tail.len());
        let (name, behind) = tail.split_at(end);
        let member = behind.starts_with('.');
        let store = words(name).iter().flatten().any(|w| STORES.contains(&w.as_str()));
        let only = !words(name).iter().flatten().any(|w| SECRET.contains(&w.as_str()) && !STORES.contains(&w.as_str()));
        out.push_str(if member && store && only { "_" } else { name });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// True when an identifier in `code` names a secret.
pub fn names_secret(code: &str) -> bool {
    let mut code = without_stores(code);
    for call in DATABASE {
        if code.contains(call) {
            code = code.replace(call, "(");
        }
    }
    let words = words(&code);
    words.iter().flatten().any(|w| SECRET.contains(&w.as_str()))
        || words.windows(2).any(|w| match w {
            [Some(a), Some(b)] => SECRET_PAIRS.contains(&(a.as_str(), b.as_str())),
            _ => false,
        })
}

/// True when an identifier in `code` holds one of `wanted` as a word.
pub fn names_any(code: &str, wanted: &[&str]) -> bool {
    words(code).iter().flatten().any(|w| wanted.contains(&w.as_str()))
}

/// Statements of the calling function that the result of a call (or what it filled) goes through, and whether it is returned.
pub fn downstream(cx: &DetectCx<'_>, call: &CallFact) -> (Vec<Span>, bool) {
    let (stmts, returned, _) = followed(cx, call);
    (stmts, returned)
}

/// As [`downstream`], with the arguments beside the value: what else a call is given says nothing about the value.
fn followed(cx: &DetectCx<'_>, call: &CallFact) -> (Vec<Span>, bool, Vec<Span>) {
    let module = cx.module(FileId(call.file));
    let Some(func) = module.functions.get(call.func as usize) else { return (Vec::new(), false, Vec::new()) };
    let mut hit = vec![false; func.instrs.len()];
    let Some(first) = hit.get_mut(call.value as usize) else { return (Vec::new(), false, Vec::new()) };
    *first = true;
    // A call without a used result fills its argument (`nextBytes(buffer)`).
    if !call.result_used
        && let Op::Call(c) = &func.instr(ValueId(call.value)).op
    {
        for a in &c.args {
            hit[a.value.0 as usize] = true;
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for (i, instr) in func.instrs.iter().enumerate() {
            if !hit[i] {
                let mut uses = false;
                instr.op.operands(&mut |v| uses |= hit[v.0 as usize]);
                hit[i] = uses;
                changed |= uses;
            }
        }
    }
    let mut stmts: Vec<Span> = func
        .instrs
        .iter()
        .zip(&hit)
        .filter(|(_, h)| **h)
        .filter_map(|(i, _)| func.stmts.get(i.stmt.0 as usize).copied())
        .collect();
    stmts.sort();
    stmts.dedup();
    let returned = func.blocks.iter().any(|b| matches!(b.term, Term::Return(Some(v)) if hit[v.0 as usize]));
    let mut beside = Vec::new();
    for (n, instr) in func.instrs.iter().enumerate().filter(|(n, _)| hit[*n]) {
        let Op::Call(c) = &instr.op else { continue };
        let given = c.args.iter().any(|a| hit[a.value.0 as usize]);
        // Bounds and lengths (`random.nextInt(sessionTimeout)`) are no purpose either.
        let of_it = matches!(&c.callee, surefix_ir::Callee::Method { recv, .. } if hit[recv.0 as usize]);
        if (of_it && !given) || (n == call.value as usize && call.result_used) {
            beside.extend(c.args.iter().map(|a| a.span));
        }
        if given {
            // A text argument names the value (`put("token", x)`), a named one is given for itself.
            beside.extend(
                c.args.iter().filter(|a| !hit[a.value.0 as usize] && !func_text(func, a.value)).map(|a| a.span),
            );
        }
    }
    beside.sort();
    (stmts, returned, beside)
}

fn func_text(func: &surefix_ir::Function, v: ValueId) -> bool {
    matches!(func.instr(v).op, Op::Const(_))
}

/// The name of the function around a call.
pub fn function_name<'a>(cx: &'a DetectCx<'_>, call: &CallFact) -> &'a str {
    let module = cx.module(FileId(call.file));
    module.functions.get(call.func as usize).map_or("", |f| module.strings.get(f.name))
}

/// The code whose names tell what the result of a call is for: the statements it goes through (only their first line, a
/// block's body says nothing) and, when it is returned, the function's name.
pub fn evidence(cx: &DetectCx<'_>, call: &CallFact) -> String {
    let (stmts, returned) = downstream(cx, call);
    code(cx, call, &stmts, returned, &[])
}

/// As [`evidence`], without what is only given to the same calls: `get(url + number, cookies=c)` makes no cookie of the number.
pub fn receivers(cx: &DetectCx<'_>, call: &CallFact) -> String {
    let (stmts, returned, beside) = followed(cx, call);
    code(cx, call, &stmts, returned, &beside)
}

fn code(cx: &DetectCx<'_>, call: &CallFact, stmts: &[Span], returned: bool, without: &[Span]) -> String {
    let text = cx.text(FileId(call.file));
    let mut out = String::new();
    for s in stmts {
        let mut code = String::new();
        let mut at = s.lo;
        for b in without.iter().filter(|b| s.contains(**b)) {
            if b.lo >= at {
                code.push_str(Span::new(at, b.lo).of(text));
                at = b.hi;
            }
        }
        code.push_str(Span::new(at, s.hi).of(text));
        // A loop or branch is a statement too: what stands in its block is another one.
        out.push_str(code.split_once("{\n").map_or(code.as_str(), |(head, _)| head));
        out.push('\n');
    }
    if returned {
        out.push_str(function_name(cx, call));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_words_of_identifiers() {
        assert!(names_secret("String resetToken = make();"));
        assert!(names_secret("remember_me = x"));
        assert!(names_secret("apiKey(x)"));
        assert!(!names_secret("print(\"your password\")"));
        assert!(!names_secret("tokenizer.split(x)"));
        assert!(!names_secret("int keyCode = 3"));
        assert!(!names_secret("db.session.add(Record(aliases=make()))"));
        assert!(names_secret("session.add(Row(reset_token=make()))"));
        assert!(names_secret("session[name] = make()"));
        assert!(!names_secret("userSessionData.setValue(\"flag\", make())"));
        assert!(names_secret("session.setAttribute(key, resetToken)"));
        assert!(names_secret("sessionToken.setValue(make())"));
    }
}
