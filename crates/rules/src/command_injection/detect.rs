//! Which flows into a command are injections.
//!
//! An argument of a program that takes data is no injection; the program's name, a script, a whole command line and the
//! environment are.

use super::program::{Role, alphabet, role};
use crate::origins::Origins;
use crate::{Confidence, DetectCx, Found, flows};
use surefix_dataflow::{ArgFact, ConstVal, Flow, Frag, Shape};
use surefix_ir::{Lang, Op, ValueId};
use surefix_models::Kind;
use surefix_text::FileId;

/// Reports the injections.
pub(super) fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for flow in &cx.analysis.flows {
        if !super::META.langs.contains(&cx.lang(FileId(flow.call.file))) {
            continue;
        }
        let python = cx.lang(FileId(flow.call.file)) == Lang::Python;
        let doubt = match flow.kind {
            Kind::CmdEnv => Some(false),
            Kind::CmdShell if python && takes_shell_option(&flow.call.callee) => python_text(flow),
            Kind::CmdShell => text(flow, 0),
            Kind::CmdLine => text(flow, 0),
            Kind::CmdArgv if python && takes_shell_option(&flow.call.callee) => python_vector(flow),
            Kind::CmdArgv => vector(flow).and_then(|doubt| if doubt { spelled(cx, flow) } else { Some(false) }),
            _ => None,
        };
        if let Some(doubt) = doubt {
            let mut found = flows::from_flow(&super::META, flow);
            if doubt {
                found.confidence = found.confidence.min(Confidence::Medium);
            }
            out.push(found);
        }
    }
}

/// `subprocess.run` and its kin, where `shell=` decides.
pub(super) fn takes_shell_option(callee: &str) -> bool {
    matches!(
        callee,
        "subprocess.run" | "subprocess.call" | "subprocess.check_call" | "subprocess.check_output" | "subprocess.Popen"
    )
}

/// What `shell=` says: given as true, as false (or not at all), or not known.
pub(super) fn shell_option(flow: &Flow) -> Option<bool> {
    let Some(arg) = flow.call.args.iter().find(|a| a.keyword == "shell") else {
        let hidden = flow.call.args.iter().any(|a| a.spread == 2);
        return (!hidden).then_some(false);
    };
    let truth = |c: &ConstVal| match c {
        ConstVal::Bool(b) => Some(*b),
        ConstVal::Int(n) => Some(*n != 0),
        ConstVal::Null => Some(false),
        _ => None,
    };
    let all: Vec<bool> = arg.consts.as_ref()?.iter().map(truth).collect::<Option<_>>()?;
    match (all.contains(&true), all.contains(&false)) {
        (true, _) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn python_text(flow: &Flow) -> Option<bool> {
    match shell_option(flow) {
        // Without a shell a text is the program's name; a list is judged by its elements.
        Some(false) => {
            let named = !flow.shapes.is_empty() && flow.shapes.iter().all(starts_tainted);
            (named && !safe_text(&flow.shapes, true)).then_some(false)
        }
        _ if is_list(flow) => None,
        Some(true) => text(flow, 0),
        None => text(flow, 0).map(|_| true),
    }
}

/// The argument is a list or tuple.
fn is_list(flow: &Flow) -> bool {
    flow.arg.and_then(|i| flow.call.args.get(i)).is_some_and(|a| {
        a.elems.is_some() || a.alloc.is_some() || a.types.iter().any(|t| matches!(t.as_str(), "list" | "tuple"))
    })
}

fn python_vector(flow: &Flow) -> Option<bool> {
    let elems = flow.arg.and_then(|i| flow.call.args.get(i)).and_then(|a| a.elems.as_ref());
    let arg = flow.arg.and_then(|i| flow.call.args.get(i));
    if elems.is_none() && arg.is_some_and(|a| !a.shapes.is_empty() || a.types.iter().any(|t| t == "str")) {
        // A text: its own row speaks for it.
        return None;
    }
    match (shell_option(flow), elems) {
        // With a shell the first element is the script, the others are its parameters.
        (Some(true), Some(e)) => e.first().filter(|f| tainted(f)).map(|_| false),
        (Some(true), None) => is_list(flow).then_some(true),
        _ => vector(flow),
    }
}

/// A command text: `Some` when it can be used for an attack; true when there is doubt.
fn text(flow: &Flow, _at: usize) -> Option<bool> {
    (starts_command(flow) || !safe_text(&flow.shapes, false)).then_some(false)
}

/// True when every untrusted part of every shape can only hold the harmless characters and does not start the command.
fn safe_text(shapes: &[Shape], start: bool) -> bool {
    let alphabet = alphabet();
    !shapes.is_empty()
        && shapes.iter().all(|s| {
            let mut before = start;
            s.frags.iter().all(|f| match f {
                Frag::Lit { text, .. } => {
                    before |= !text.trim().is_empty();
                    true
                }
                Frag::Hole(h) => {
                    let good =
                        !h.tainted || h.number || (before && h.allow.is_some_and(|a| a & !alphabet & !h.deny == 0));
                    before = true;
                    good
                }
                Frag::Rep(_) => false,
            })
        })
}

/// In one of the ways in which the command is built, nothing stands in front of the untrusted value, or only a shell and its `-c`.
pub(super) fn starts_command(flow: &Flow) -> bool {
    // Shapes of a vector are those of all its elements together: there the place of the element decides.
    flow.kind != Kind::CmdArgv && flow.shapes.iter().any(starts)
}

fn starts(shape: &Shape) -> bool {
    let mut before = String::new();
    for f in &shape.frags {
        match f {
            Frag::Lit { text, .. } => before.push_str(text),
            Frag::Hole(h) if h.tainted => break,
            _ => return false,
        }
    }
    let words: Vec<&str> = before.split_whitespace().collect();
    match words.as_slice() {
        [] => true,
        [program] => role(program) == Role::Runner && before.ends_with(' '),
        [program, rest @ ..] => {
            let reads = matches!(role(program), Role::Shell | Role::Windows | Role::Interpreter(_));
            reads && rest.len() == 1 && rest.iter().all(|w| w.starts_with(['-', '/'])) && before.ends_with(' ')
        }
    }
}

fn starts_tainted(shape: &Shape) -> bool {
    match shape.frags.iter().find(|f| !matches!(f, Frag::Lit { text, .. } if text.trim().is_empty())) {
        Some(Frag::Hole(h)) => h.tainted,
        _ => false,
    }
}

fn tainted(arg: &ArgFact) -> bool {
    arg.taint.has(Kind::CmdArgv) && !arg.number
}

/// The known texts of an argument.
pub(super) fn texts(arg: &ArgFact) -> Option<Vec<&str>> {
    let all = arg.consts.as_ref()?;
    let texts: Vec<&str> = all
        .iter()
        .filter_map(|c| match c {
            ConstVal::Str(s) => Some(s.as_str()),
            _ => None,
        })
        .collect();
    (texts.len() == all.len() && !texts.is_empty()).then_some(texts)
}

/// The elements of the argument vector that the flow ends in.
pub(super) fn elements(flow: &Flow) -> Option<Vec<ArgFact>> {
    let at = flow.arg?;
    let arg = flow.call.args.get(at)?;
    if let Some(elems) = &arg.elems {
        return Some(elems.clone());
    }
    let text = |a: &ArgFact| {
        a.consts.is_some() || !a.shapes.is_empty() || a.types.iter().any(|t| t == "java.lang.String" || t == "str")
    };
    let spelled = match flow.call.callee.as_str() {
        c if c.contains("ProcessBuilder") || c.ends_with("create_subprocess_exec") => {
            let positional: Vec<ArgFact> = flow.call.args.iter().filter(|a| a.keyword.is_empty()).cloned().collect();
            positional.len() > 1 || positional.first().is_some_and(text)
        }
        _ => false,
    };
    spelled.then(|| flow.call.args.iter().filter(|a| a.keyword.is_empty()).cloned().collect())
}

fn vector(flow: &Flow) -> Option<bool> {
    let Some(elems) = elements(flow) else {
        return (!safe_text(&flow.shapes, true)).then_some(true);
    };
    let Some(program) = elems.first() else { return Some(true) };
    if tainted(program) && !safe_text(&program.shapes, false) {
        return Some(false);
    }
    let Some(programs) = texts(program) else {
        // Some program that the configuration names: its arguments are data unless it is a shell.
        return option_c(&elems).then_some(true);
    };
    programs.iter().any(|p| reads(role(p), &elems)).then_some(false)
}

/// A vector of which the analysis knows no elements: one of several that are spelled out.
fn spelled(cx: &DetectCx<'_>, flow: &Flow) -> Option<bool> {
    let Some(origins) = Origins::of_sink(cx, flow) else { return Some(true) };
    let Some((value, _)) = origins.sink_value(flow) else { return Some(true) };
    let inner = origins.behind(value);
    let ways: Vec<ValueId> = match origins.op(inner) {
        Some(Op::Phi(ways)) => ways.iter().map(|(_, w)| origins.behind(*w)).collect(),
        _ => vec![inner],
    };
    let mut doubt = false;
    let mut bad = false;
    for way in ways {
        let items = match origins.op(way) {
            Some(Op::Aggregate(_, items)) if items.iter().all(|i| !i.spread) => items,
            Some(Op::Const(_)) => continue,
            _ => return Some(true),
        };
        let program = items.first().and_then(|i| origins.text(i.value));
        let risky = |from: usize| items.iter().skip(from).any(|i| origins.depends(i.value));
        match program.map(role) {
            Some(Role::Plain) => bad |= items.first().is_some_and(|i| origins.depends(i.value)),
            Some(Role::Shell) => {
                let script = items.iter().position(|i| origins.text(i.value) == Some("-c")).map(|c| c + 1);
                bad |= script.and_then(|s| items.get(s)).is_some_and(|i| origins.depends(i.value));
            }
            Some(_) => bad |= risky(1),
            None => doubt |= risky(0),
        }
    }
    match (bad, doubt) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        // The trace does not lead into any of them: they were not understood.
        (false, false) => Some(true).filter(|_| !origins.depends(value)),
    }
}

/// Something like `-c` or `/c` stands in front of an untrusted element.
fn option_c(elems: &[ArgFact]) -> bool {
    elems.windows(2).any(|w| {
        let option = w[0].consts.as_ref().is_some_and(|c| {
            c.iter().any(|c| matches!(c, ConstVal::Str(s) if matches!(s.as_str(), "-c" | "/c" | "/C")))
        });
        option && tainted(&w[1])
    })
}

fn reads(role: Role, elems: &[ArgFact]) -> bool {
    let bad = |i: usize, start: bool| elems.get(i).is_some_and(|e| tainted(e) && !safe_text(&e.shapes, start));
    let is =
        |i: usize, wanted: &[&str]| elems.get(i).and_then(texts).is_some_and(|t| t.iter().any(|t| wanted.contains(t)));
    match role {
        Role::Plain => false,
        Role::Shell => (1..elems.len()).any(|i| {
            let option = elems.get(i).and_then(texts).is_some_and(|t| {
                t.iter().any(|t| {
                    t.starts_with('-') && !t.starts_with("--") && t.ends_with('c') || matches!(*t, "/c" | "/C")
                })
            });
            option && bad(i + 1, false)
        }),
        // Everything behind the option is one command line.
        Role::Windows => (1..elems.len()).any(|i| bad(i, i > 2)),
        Role::Interpreter(options) => (1..elems.len()).any(|i| is(i, options) && bad(i + 1, false)),
        Role::Runner => (1..elems.len()).any(|i| bad(i, false)),
    }
}
