//! Python: an argument list instead of a command line, or each value quoted for the shell.

use super::java_shell::{positional, whole_quotes};
use super::program::{Role, is_builtin, is_plain_text, role};
use super::{detect, program_chosen};
use crate::guards::Draft;
use crate::origins::Origins;
use crate::shapes::python_render::render;
use crate::shapes::{Action, PieceKind, Text, python as texts};
use crate::{FixCx, Found};
use std::collections::BTreeMap;
use surefix_dataflow::{Flow, Frag};
use surefix_dialect::{Dialect, HoleContext, Label};
use surefix_ir::{Op, ValueId};
use surefix_models::Kind;
use surefix_rewrite::PyCx;
use surefix_rewrite::layout::push_insert;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

struct Command<'c> {
    py: &'c PyCx<'c>,
    origins: &'c Origins<'c>,
    flow: &'c Flow,
    text: Text,
    /// The expression of the command.
    arg: Span,
}

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let Some(origins) = Origins::of_sink(cx.detect, flow) else {
        return no(Reason::ShapeUnknown, "the call is not known well enough");
    };
    let py = cx.python(origins.file);
    py.no_error_at(found.span)?;
    let arg = command_text(&py, &origins, flow)?;
    if detect::starts_command(flow) {
        return program_chosen();
    }
    let Some(stmt) = py.stmt_of(found.span) else { return no(Reason::ShapeUnknown, "the call stands in no statement") };
    let text = texts::text(&py, Dialect::Shell, arg, stmt, &is_data)?;
    let command = Command { py: &py, origins: &origins, flow, text, arg };
    let values = command.values()?;
    if values.values().any(|c| c.label == Label::ShCommand) {
        return match flow.kind {
            Kind::CmdShell => super::python_elsewhere::fix(cx, found, flow, arg),
            _ => program_chosen(),
        };
    }
    if flow.kind == Kind::CmdArgv {
        return command.positional(&values);
    }
    match command.vector(&values) {
        Ok(fix) => Ok(fix),
        Err(_) => command.quoted(&values),
    }
}

/// The expression that holds the command text.
fn command_text(py: &PyCx<'_>, origins: &Origins<'_>, flow: &Flow) -> Result<Span, Refusal> {
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)) else {
        return no(Reason::ShapeUnknown, "the command is not an argument of the call");
    };
    let span =
        if arg.keyword.is_empty() { arg.span } else { py.keyword(flow.call.span, &arg.keyword).unwrap_or(arg.span) };
    if flow.kind == Kind::CmdShell {
        return Ok(span);
    }
    // A vector: the script of a shell in it.
    let Some(elems) = detect::elements(flow) else {
        return no(Reason::ShapeUnknown, "the elements of the argument list are not known");
    };
    let bad: Vec<usize> = (0..elems.len()).filter(|i| elems[*i].taint.has(Kind::CmdArgv)).collect();
    if bad.contains(&0) {
        return program_chosen();
    }
    let shell = elems.first().and_then(detect::texts).is_some_and(|t| t.iter().all(|t| role(t) == Role::Shell));
    let items = match origins.sink_value(flow).and_then(|(v, _)| origins.op(origins.behind(v))) {
        Some(Op::Aggregate(_, items)) => items.as_slice(),
        _ => &[],
    };
    let script = items.get(2).map(|i| origins.span(i.value)).filter(|_| shell && bad == [2]);
    match script {
        Some(script) if py.expr_at(script).is_some() => Ok(script),
        _ => no(Reason::ContextUnsafe, "the program reads the argument as a command of its own"),
    }
}

fn is_data(context: &HoleContext) -> bool {
    matches!(
        context.label,
        Label::ShWord | Label::ShWordPart | Label::ShDouble | Label::ShSingle | Label::ShRedirect | Label::ShOption
    )
}

impl Command<'_> {
    /// The untrusted values of the text with the context in which each stands.
    fn values(&self) -> Result<BTreeMap<usize, HoleContext>, Refusal> {
        let mut all: BTreeMap<usize, HoleContext> = BTreeMap::new();
        for way in &self.text.ways {
            for (p, c) in self.text.contexts(Dialect::Shell, way) {
                match all.get(&p) {
                    Some(old) if old.label != c.label => {
                        return no(Reason::AlternativesConflict, "a value stands in different places of the command");
                    }
                    _ => {
                        all.insert(p, c);
                    }
                }
            }
        }
        let sure: Vec<usize> = all.keys().copied().filter(|p| self.untrusted(*p)).collect();
        if !sure.is_empty() {
            all.retain(|p, _| sure.contains(p));
        } else if all.len() != 1 {
            return no(Reason::ShapeUnknown, "it is not known which part of the command is untrusted");
        }
        Ok(all)
    }

    fn untrusted(&self, piece: usize) -> bool {
        let Some(expr) = self.text.expr(piece) else { return false };
        self.origins.func.instrs.iter().enumerate().any(|(i, instr)| {
            let here = instr.span == expr && self.origins.depends(ValueId(u32::try_from(i).unwrap_or(0)));
            here || matches!(&instr.op, Op::Call(c) if c.args.iter().any(|a| a.span == expr && self.origins.depends(a.value)))
        })
    }

    /// The value is text for certain.
    fn is_text(&self, expr: Span) -> bool {
        let known = self
            .flow
            .shapes
            .iter()
            .flat_map(|s| &s.frags)
            .any(|f| matches!(f, Frag::Hole(h) if h.place.span == expr && h.ty.as_deref() == Some("str")));
        known || self.py.expr_at(expr).is_some_and(|e| e.is_f_string_expr() || e.is_string_literal_expr())
    }

    fn as_text(&self, expr: Span) -> String {
        let source = expr.of(self.py.text);
        if self.is_text(expr) { source.to_string() } else { format!("str({source})") }
    }

    /// The command as an argument list, without a shell.
    fn vector(&self, values: &BTreeMap<usize, HoleContext>) -> Result<Fix, Refusal> {
        let py = self.py;
        let call = self.flow.call.span;
        let callee = self.flow.call.callee.as_str();
        let [way] = self.text.ways.as_slice() else { return no(Reason::AlternativesConflict, "built in several ways") };
        let inline = self.text.carriers.is_empty() && self.text.chains.len() == 1 && !self.text.branches();
        if !inline || self.flow.kind != Kind::CmdShell {
            return no(Reason::NoRecipe, "the command is not built in the call");
        }
        let mut words: Vec<Vec<Result<String, Span>>> = vec![Vec::new()];
        for p in way {
            match self.text.pieces.get(*p).map(|p| &p.kind) {
                Some(PieceKind::Lit { text, .. }) => {
                    if !is_plain_text(text) {
                        return no(Reason::NoRecipe, "the command needs a shell");
                    }
                    for (i, run) in text.split([' ', '\t']).enumerate() {
                        if i > 0 {
                            words.push(Vec::new());
                        }
                        if let (false, Some(w)) = (run.is_empty(), words.last_mut()) {
                            w.push(Ok(run.to_string()));
                        }
                    }
                }
                Some(PieceKind::Val { expr, field }) => {
                    let Some(context) = values.get(p) else {
                        return no(Reason::ShapeUnknown, "another value may be more than one word");
                    };
                    let word =
                        matches!(context.label, Label::ShWord | Label::ShWordPart | Label::ShOption) && !context.nested;
                    if !word || field.as_ref().is_some_and(|f| !f.plain) {
                        return no(Reason::NoRecipe, "the value is formatted");
                    }
                    if let Some(w) = words.last_mut() {
                        w.push(Err(*expr));
                    }
                }
                None => {}
            }
        }
        words.retain(|w| !w.is_empty());
        let program = match words.first().map(Vec::as_slice) {
            Some([Ok(p)]) => p.as_str(),
            _ => return program_chosen(),
        };
        if role(program) != Role::Plain || is_builtin(program) || program.contains('=') || program.contains('%') {
            return no(Reason::NoRecipe, "the program is part of the shell or reads commands");
        }
        let list: Vec<String> = words.iter().map(|w| self.word(w)).collect();
        let list = format!("[{}]", list.join(", "));
        let mut draft = Draft::default();
        if callee == "os.system" && !self.flow.call.result_used {
            let module = draft.python_module(py, "subprocess", call)?;
            let Some(name) = py.callee(call) else { return no(Reason::ShapeUnknown, "the call is not known") };
            py.replace_expr(self.arg, &list, &mut draft.edits)?;
            draft.edits.push(surefix_text::Edit::replace(py.file, name, format!("{module}.call")));
        } else if detect::takes_shell_option(callee) && detect::shell_option(self.flow) == Some(true) {
            let other = ["executable", "creationflags", "startupinfo"];
            if other.iter().any(|k| py.keyword(call, k).is_some()) {
                return no(Reason::NoRecipe, "the call names the shell to use");
            }
            py.replace_expr(self.arg, &list, &mut draft.edits)?;
            py.remove_keyword(call, "shell", &mut draft.edits)?;
        } else {
            return no(Reason::NoRecipe, "the call always uses a shell");
        }
        let why =
            "a value with blanks or signs of the shell is one argument; a missing program raises FileNotFoundError";
        Ok(draft.done("Run the command without a shell", Tier::AttackOnly, why))
    }

    fn word(&self, parts: &[Result<String, Span>]) -> String {
        let py = self.py;
        match parts {
            [Ok(text)] => py.string_literal(text),
            [Err(expr)] => self.as_text(*expr),
            _ => {
                let simple = |s: &str| !s.contains(['"', '\'', '\\', '{', '}', '\n']);
                let fits = parts.iter().all(|p| match p {
                    Ok(t) => simple(t),
                    Err(e) => simple(e.of(py.text)),
                });
                if fits {
                    let inner: String = parts
                        .iter()
                        .map(|p| match p {
                            Ok(t) => t.clone(),
                            Err(e) => format!("{{{}}}", e.of(py.text)),
                        })
                        .collect();
                    return format!("f{}", py.string_literal(&inner));
                }
                let each: Vec<String> = parts
                    .iter()
                    .map(|p| match p {
                        Ok(t) => py.string_literal(t),
                        Err(e) if self.is_text(*e) => py.as_primary(e.of(py.text)),
                        Err(e) => format!("str({})", e.of(py.text)),
                    })
                    .collect();
                each.join(" + ")
            }
        }
    }

    /// The values as parameters of the script: `["sh", "-c", 'ls "$1"', "sh", value]`.
    fn positional(&self, values: &BTreeMap<usize, HoleContext>) -> Result<Fix, Refusal> {
        let [way] = self.text.ways.as_slice() else { return no(Reason::AlternativesConflict, "built in several ways") };
        if !self.text.carriers.is_empty() || self.text.branches() || values.len() > 9 {
            return no(Reason::NoRecipe, "the script is not built in the call");
        }
        let mut draft = Draft::default();
        let mut actions = vec![Action::Keep; self.text.pieces.len()];
        let mut params = vec!["\"sh\"".to_string()];
        for (n, (p, context)) in values.iter().enumerate() {
            let next = way.iter().position(|q| q == p).and_then(|at| self.text.lit(*way.get(at + 1)?)?.chars().next());
            let mut put = positional(context, n + 1, next)?;
            if let Some(cuts) = whole_quotes(&self.text, way, *p, context) {
                put = format!("\"${}\"", n + 1);
                for (piece, range) in cuts {
                    match actions.get_mut(piece) {
                        Some(Action::Cut(list)) => list.push((range, String::new())),
                        Some(a) => *a = Action::Cut(vec![(range, String::new())]),
                        None => {}
                    }
                }
            }
            if let Some(a) = actions.get_mut(*p) {
                *a = Action::Put(put);
            }
            params.push(self.as_text(self.text.expr(*p).unwrap_or_default()));
        }
        render(self.py, &self.text, &actions, &mut draft.edits)?;
        push_insert(&mut draft.edits, self.py.file, self.arg.hi, &format!(", {}", params.join(", ")));
        let why = "a value with blanks or signs of the shell is one argument";
        Ok(draft.done("Pass the value to the script as a parameter", Tier::AttackOnly, why))
    }

    /// Each value quoted for the shell where it stands.
    fn quoted(&self, values: &BTreeMap<usize, HoleContext>) -> Result<Fix, Refusal> {
        let mut draft = Draft::default();
        let module = draft.python_module(self.py, "shlex", self.flow.call.span)?;
        let mut actions = vec![Action::Keep; self.text.pieces.len()];
        for (p, context) in values {
            let Some(PieceKind::Val { expr, field }) = self.text.pieces.get(*p).map(|p| &p.kind) else { continue };
            if field.as_ref().is_some_and(|f| !f.plain) {
                return no(Reason::NoRecipe, "the value is formatted with a width or precision");
            }
            let good = is_data(context) && !context.nested;
            let ansi = context.label == Label::ShSingle && context.breaks.set & (1 << b'\\') != 0;
            if !good || ansi {
                let why = format!("the shell reads the value as more than a word ({})", context.label);
                return no(Reason::ContextUnsafe, why);
            }
            let quote = match context.label {
                Label::ShDouble => Some('"'),
                Label::ShSingle => Some('\''),
                _ => None,
            };
            if let Some(q) = quote {
                self.step_out(*p, q, context, &mut actions)?;
            }
            if let Some(a) = actions.get_mut(*p) {
                *a = Action::Code(format!("{module}.quote({})", self.as_text(*expr)));
            }
        }
        render(self.py, &self.text, &actions, &mut draft.edits)?;
        let why = "a value with blanks or signs of the shell is one word";
        Ok(draft.done("Quote the value for the shell", Tier::AttackOnly, why))
    }

    /// Ends the quotes around a value before it and opens them behind it; quotes around nothing else go away.
    fn step_out(&self, piece: usize, q: char, context: &HoleContext, actions: &mut [Action]) -> Result<(), Refusal> {
        for way in self.text.ways.iter().filter(|w| w.contains(&piece)) {
            let at = way.iter().position(|p| *p == piece).unwrap_or_default();
            let whole = context.prefix.is_empty() && context.suffix.is_empty();
            for (other, before) in [(at.checked_sub(1), true), (Some(at + 1), false)] {
                let lit = other.and_then(|o| way.get(o)).copied();
                let Some((l, text)) = lit.and_then(|l| Some((l, self.text.lit(l)?))) else {
                    return no(Reason::NoRecipe, "two values stand in the same quotes");
                };
                let edge = if before { text.ends_with(q) } else { text.starts_with(q) };
                let n = text.len();
                let cut = match (whole && edge, before) {
                    (true, true) => (n - 1..n, String::new()),
                    (true, false) => (0..1, String::new()),
                    // Behind the last character, not behind the field that follows it.
                    (false, true) => match text.char_indices().next_back() {
                        Some((at, c)) => (at..n, format!("{c}{q}")),
                        None => return no(Reason::NoRecipe, "two values stand in the same quotes"),
                    },
                    (false, false) => (0..0, q.to_string()),
                };
                match actions.get_mut(l) {
                    Some(Action::Cut(list)) if list.contains(&cut) => {}
                    Some(Action::Cut(list)) => {
                        list.push(cut);
                        list.sort_by_key(|c| c.0.start);
                    }
                    Some(a) => *a = Action::Cut(vec![cut]),
                    None => {}
                }
            }
        }
        Ok(())
    }
}
