//! Declarative call rules: "this call, with such an argument, becomes that call".

use crate::parse::{Wrong, path, qualified, tag, wrong};
use crate::raw::nearest;
use crate::{Base, Path};

/// What a row of `fix` says of a callable or attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct CallFix {
    /// Rule whose findings the matching calls are.
    pub rule: String,
    /// Parameter simple type names; `None`: any signature.
    pub sig: Option<Vec<String>>,
    /// All of these must hold.
    pub when: Vec<Test>,
    /// What is changed, in order. Empty: the call is only reported.
    pub changes: Vec<Change>,
    /// What the change may alter for legitimate use.
    pub tier: FixTier,
    /// Imperative title of the fix.
    pub title: String,
    /// Sentence of the finding.
    pub message: String,
    /// Who can notice, or what a person has to do.
    pub note: String,
}

/// A condition on a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What is looked at: an argument, or the receiver.
    pub input: Path,
    /// What is asked.
    pub ask: Ask,
}

/// What a [`Test`] asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// The argument is written (`kw:x`).
    Given,
    /// The argument is not written, nor hidden in an unpacked mapping (`!kw:x`).
    Absent,
    /// Every value that it can have is one of these (`arg0=SSL|SSLv3`). Text counts without regard to case.
    OneOf(Vec<String>),
    /// Every value that it can have is a number below this one (`arg0<2048`).
    Below(i64),
}

/// One change of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Writes this text as the argument, in place of what stands there.
    Set(Path, String),
    /// Takes the argument out.
    Remove(Path),
    /// Calls something else: a qualified name, or `.name` for another method of the same receiver.
    Callee(String),
    /// Takes the whole statement out.
    Drop,
}

/// Tiers that a row can claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixTier {
    /// `preserving`.
    Preserving,
    /// `attack-only`.
    AttackOnly,
    /// `observable`.
    Observable,
}

const TIERS: &[(&str, FixTier)] =
    &[("preserving", FixTier::Preserving), ("attack-only", FixTier::AttackOnly), ("observable", FixTier::Observable)];

/// A fix from the cells after the callable: the rule, then `key=value`. The error names the cell.
pub(crate) fn call_fix(sig: Option<Vec<String>>, cells: &[&str]) -> Result<CallFix, (usize, Wrong)> {
    let rule = tag(cells.first().copied().unwrap_or("")).map_err(|e| (0, e))?;
    let mut fix = CallFix {
        rule,
        sig,
        when: Vec::new(),
        changes: Vec::new(),
        tier: FixTier::Observable,
        title: String::new(),
        message: String::new(),
        note: String::new(),
    };
    for (n, cell) in cells.iter().enumerate().skip(1) {
        let (key, value) = cell.split_once('=').unwrap_or((cell, ""));
        one(&mut fix, key, value).map_err(|e| (n, e))?;
    }
    if fix.message.is_empty() {
        return Err((0, ("the row has no `message`".into(), "say in a sentence what is wrong with the call".into())));
    }
    if fix.title.is_empty() != fix.changes.is_empty() {
        let help =
            "give the change a title such as \"Verify the certificate\", and a `set`, `remove`, `callee` or `drop`";
        return Err((0, ("`title` and a change belong together".into(), help.into())));
    }
    Ok(fix)
}

fn one(fix: &mut CallFix, key: &str, value: &str) -> Result<(), Wrong> {
    match key {
        "when" => fix.when.push(test(value)?),
        "set" => {
            let Some((at, text)) = value.split_once('=').filter(|(_, t)| !t.is_empty()) else {
                return wrong(format!("`{value}` sets nothing"), "write `set = \"kw:verify=True\"`");
            };
            fix.changes.push(Change::Set(argument(at)?, text.to_string()));
        }
        "remove" => fix.changes.push(Change::Remove(argument(value)?)),
        "callee" => {
            qualified(value.strip_prefix('.').unwrap_or(value))?;
            fix.changes.push(Change::Callee(value.to_string()));
        }
        "drop" if value == "true" => fix.changes.push(Change::Drop),
        "drop" => return wrong("`drop` is either true or left out", "write `drop = true`"),
        "tier" => match TIERS.iter().find(|t| t.0 == value) {
            Some(t) => fix.tier = t.1,
            None => {
                let names: Vec<&str> = TIERS.iter().map(|t| t.0).collect();
                let help = match nearest(value, names.iter().copied()) {
                    Some(n) => format!("did you mean `{n}`?"),
                    None => format!("known are {}", names.join(", ")),
                };
                return wrong(format!("unknown tier `{value}`"), help);
            }
        },
        "title" => fix.title = value.to_string(),
        "message" => fix.message = value.to_string(),
        "note" => fix.note = value.to_string(),
        _ => return wrong(format!("unknown key `{key}`"), "see the description of `fix` rows"),
    }
    Ok(())
}

/// A path that names an argument, without steps.
fn argument(s: &str) -> Result<Path, Wrong> {
    let p = path(s)?;
    match p.base {
        Base::Arg { onwards: false, .. } if p.steps.is_empty() => Ok(p),
        _ => wrong(format!("`{s}` is no argument"), "write arg0, arg0/name or kw:name"),
    }
}

fn test(s: &str) -> Result<Test, Wrong> {
    if let Some(rest) = s.strip_prefix('!') {
        return Ok(Test { input: argument(rest)?, ask: Ask::Absent });
    }
    let at = s.find(['=', '<']);
    let Some((input, op, value)) = at.and_then(|n| Some((s.get(..n)?, s.get(n..=n)?, s.get(n + 1..)?))) else {
        return Ok(Test { input: argument(s)?, ask: Ask::Given });
    };
    let ask = if op == "=" {
        Ask::OneOf(value.split('|').map(str::to_string).collect())
    } else {
        match value.parse() {
            Ok(n) => Ask::Below(n),
            Err(_) => return wrong(format!("`{value}` is no number"), "write `arg0<2048`"),
        }
    };
    Ok(Test { input: argument(input)?, ask })
}

/// The callables of the first cell: `a.B.get|post` are two.
pub fn callables(cell: &str) -> Vec<String> {
    let (names, sig) = match cell.split_once('(') {
        Some((n, _)) => (n, cell.get(n.len()..).unwrap_or("")),
        None => (cell, ""),
    };
    let (owner, members) = names.rsplit_once('.').unwrap_or(("", names));
    let full = |m: &str| if owner.is_empty() { format!("{m}{sig}") } else { format!("{owner}.{m}{sig}") };
    members.split('|').map(full).collect()
}
