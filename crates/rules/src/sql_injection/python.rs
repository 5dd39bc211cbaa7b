//! Python database libraries: values go behind the text, in the placeholder style of the driver.

use super::plan::Slot;
use super::python_text::{Binds, Reading, Sql};
use crate::shapes::{Loops, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Placeholders;
use surefix_rewrite::{PyCx, layout::push_insert};
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const TITLE: &str = "Bind the values of the SQL text as parameters";

/// How a driver spells placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `?`
    Question,
    /// `%s`; a percent sign of the text is doubled once there are parameters.
    Percent,
    /// `$1`, values as arguments of their own.
    Dollar,
    /// `:1`
    Colon,
    /// `:name`, values in a dictionary.
    Named,
}

/// What is known of a driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Driver {
    pub mark: Mark,
    /// Values are written as a list.
    pub list: bool,
    /// A text value fills a numeric column.
    pub lenient: bool,
}

/// The driver behind a callee. The qualified name comes from the type of the connection, never from a variable's name.
fn driver(callee: &str) -> Option<Driver> {
    let of = |mark, lenient| Some(Driver { mark, list: false, lenient });
    let head = callee.split('.').next().unwrap_or("");
    match head {
        "sqlite3" | "aiosqlite" => of(Mark::Question, true),
        "duckdb" | "pyodbc" | "turbodbc" => {
            Some(Driver { mark: Mark::Question, list: head == "duckdb", lenient: false })
        }
        "psycopg2" | "psycopg" | "aiopg" | "pymysql" | "MySQLdb" | "aiomysql" => of(Mark::Percent, true),
        "mysql" | "pymssql" => of(Mark::Percent, head == "mysql"),
        "asyncpg" => of(Mark::Dollar, false),
        "oracledb" | "cx_Oracle" => Some(Driver { mark: Mark::Colon, list: true, lenient: false }),
        "django" => Some(Driver { mark: Mark::Percent, list: true, lenient: true }),
        "sqlalchemy" | "sqlmodel" => of(Mark::Named, false),
        _ => None,
    }
}

fn count(mark: Mark) -> fn(&Placeholders) -> usize {
    match mark {
        Mark::Question => |p| p.question,
        Mark::Percent => |p| p.format,
        Mark::Dollar => |p| p.dollar,
        Mark::Colon | Mark::Named => |p| p.named.len(),
    }
}

/// The fix of a Python sink.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let p = cx.python(found.file);
    let callee = flow.call.callee.as_str();
    let method = callee.rsplit('.').next().unwrap_or("");
    match method {
        "executescript" => {
            return no(Reason::NoLocalFix, "executescript runs several statements and takes no parameters").map_err(|r: Refusal| {
                r.with_steps("Run the statement with the value by execute and a parameter, the constant ones by executescript.")
            });
        }
        "executemany" => return no(Reason::NoRecipe, "the text runs once for every row of values"),
        "callproc" | "callfunc" => {
            return no(
                Reason::IdentifierHole,
                "the value chooses the procedure that is called, and names cannot be bound",
            );
        }
        "mogrify" | "cmd_query" | "cmd_query_iter" | "SQL" | "DDL" | "literal_column" | "copy_expert" | "copy" => {
            return no(Reason::NoRecipe, "the call takes no parameters");
        }
        _ => {}
    }
    let Some(d) = driver(callee) else {
        return no(Reason::TypeUnknown, "the placeholder style of the driver is not known");
    };
    let stmt = p.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let mut a = Assurance::start(Tier::AttackOnly);
    let mut edits = Vec::new();
    match d.mark {
        Mark::Named => super::python_orm::alchemy(cx, &p, flow, stmt, &mut a, &mut edits)?,
        _ if method == "extra" && where_argument(&p, flow) => extra(&p, flow, stmt, &mut a, &mut edits)?,
        _ if matches!(method, "extra" | "Func") => {
            return no(Reason::NoRecipe, "the text is one of several parts of the query")
                .map_err(|r: Refusal| r.with_steps("Write %s where the value goes and give the value in params."));
        }
        _ => positional(&p, flow, d, stmt, &mut a, &mut edits)?,
    }
    Ok(Fix { title: TITLE.to_string(), edits, assurance: a, needs: Vec::new() })
}

/// The text reaches the conditions of Django's `extra`.
fn where_argument(p: &PyCx<'_>, flow: &Flow) -> bool {
    let args = p.args(flow.call.span);
    flow.arg.and_then(|i| args.get(i).map(|a| (i, a))).is_some_and(|(i, a)| match a.name.as_deref() {
        Some(name) => name == "where",
        None => i == 1,
    })
}

/// `extra(where=[…])`: the value goes into `params`, which the conditions share in their order.
fn extra(p: &PyCx<'_>, flow: &Flow, stmt: Span, a: &mut Assurance, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    use ruff_python_ast::Expr;
    let call = flow.call.span;
    let args = p.args(call);
    if args.iter().any(|x| x.unpacked) {
        return no(Reason::ShapeUnknown, "arguments of the call are unpacked from a collection");
    }
    let list = flow.arg.and_then(|i| args.get(i)).and_then(|x| p.expr_at(x.value));
    let conditions: Vec<&Expr> = match list {
        Some(Expr::List(l)) => l.elts.iter().collect(),
        Some(Expr::Tuple(t)) => t.elts.iter().collect(),
        _ => return no(Reason::ShapeUnknown, "the conditions are not written as a list"),
    };
    let constant = |e: &&Expr| matches!(e, Expr::StringLiteral(_));
    let open: Vec<usize> = (0..conditions.len()).filter(|i| !conditions.get(*i).is_some_and(constant)).collect();
    let [at] = open.as_slice() else {
        return no(Reason::NoRecipe, "several conditions of the list are put together");
    };
    let marks = |range: &[&Expr]| -> usize {
        let literal = |e: &&Expr| match e {
            Expr::StringLiteral(s) => s.value.to_str().matches("%s").count(),
            _ => 0,
        };
        range.iter().map(literal).sum()
    };
    let before = marks(conditions.get(..*at).unwrap_or_default());
    let old = marks(&conditions);
    let Some(text) = conditions.get(*at).map(|e| surefix_syntax::python::span_of(*e)) else { return Ok(()) };
    let reading = Reading { count: count(Mark::Percent), lenient: true, loops: Loops::Refuse, lists: None };
    // The shapes are those of all conditions.
    let mut own = flow.clone();
    own.shapes.retain(|s| s.frags.iter().any(|f| !matches!(f, surefix_dataflow::Frag::Lit { .. })));
    let sql = Sql::read_at(p, &own, text, stmt, reading, &|_, _| "%s".to_string())?;
    if sql.has_percent() {
        return no(
            Reason::NoRecipe,
            "the condition holds percent signs, which Django reads in conditions without values too",
        );
    }
    sql.render(a, edits)?;
    if sql.binds_nothing() {
        return Ok(());
    }
    let Binds::Each(values) = sql.binds(a, edits)? else {
        return no(Reason::AlternativesConflict, "a part of the condition is built under a condition");
    };
    sql.note_shown(a);
    let mut slots = sql.plan.ways.first().cloned().unwrap_or_default();
    slots.iter_mut().for_each(|s| s.before += before);
    let given = args.iter().enumerate().find(|(i, x)| match x.name.as_deref() {
        Some(name) => name == "params",
        None => *i == 2,
    });
    match given {
        Some((_, given)) => extend_values(p, given.value, old, &slots, &values, edits),
        None if old > 0 => no(Reason::NoRecipe, "the conditions hold placeholders without values"),
        None => p.insert_arg(call, args.len(), &format!("params=[{}]", values.join(", ")), edits),
    }
}

/// `execute(text)` of a driver with positional placeholders.
fn positional(
    p: &PyCx<'_>,
    flow: &Flow,
    d: Driver,
    stmt: Span,
    a: &mut Assurance,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let call = flow.call.span;
    let args = p.args(call);
    let Some(text_arg) = flow.arg else {
        return no(Reason::ShapeUnknown, "the text does not reach the call as an argument");
    };
    if args.iter().any(|x| x.unpacked) {
        return no(Reason::ShapeUnknown, "arguments of the call are unpacked from a collection");
    }
    let rest: Vec<&surefix_rewrite::python::Arg> =
        args.iter().enumerate().filter(|(i, _)| *i != text_arg).map(|x| x.1).collect();
    let given = rest
        .iter()
        .find(|x| x.name.as_deref().is_none_or(|n| matches!(n, "params" | "parameters" | "args" | "vars" | "seq")));
    let had_values = given.is_some();
    let mark = |i: usize, slot: &Slot| match d.mark {
        Mark::Question => "?".to_string(),
        Mark::Percent => "%s".to_string(),
        Mark::Dollar => format!("${}", slot.before.max(i) + 1),
        Mark::Colon | Mark::Named => format!(":{}", i + 1),
    };
    let loops = match d.mark {
        Mark::Question | Mark::Percent if !had_values => Loops::Follow,
        _ => Loops::Refuse,
    };
    let lists = match d.mark {
        Mark::Question => Some("?"),
        Mark::Percent => Some("%s"),
        _ => None,
    };
    let reading = Reading { count: count(d.mark), lenient: d.lenient, loops, lists };
    let sql = Sql::read(p, flow, stmt, reading, &mark)?;
    let old = &sql.plan.facts.placeholders;
    if !old.format_named.is_empty() && d.mark == Mark::Percent && had_values {
        return no(Reason::NoRecipe, "the text already has named parameters");
    }
    let old_count = count(d.mark)(old);
    if old_count > 0 && !had_values && d.mark != Mark::Percent {
        return no(Reason::NoRecipe, "the text holds signs that the driver would take for placeholders");
    }
    if matches!(d.mark, Mark::Dollar | Mark::Colon) && (old_count > 0 || had_values) {
        return no(Reason::NoRecipe, "the text already has numbered parameters");
    }
    let mut sql = sql;
    if sql.binds_nothing() {
        return sql.render(a, edits);
    }
    if d.mark == Mark::Percent && !had_values {
        // Without any turn there are no values, and not every driver reads the signs then.
        if !sql.text.turns().is_empty() && sql.has_percent() {
            return no(Reason::NoRecipe, "the text is built in a loop and holds percent signs");
        }
        sql.double_percents();
    }
    sql.render(a, edits)?;
    let binds = sql.binds(a, edits)?;
    sql.note_shown(a);
    let slots = sql.plan.ways.first().cloned().unwrap_or_default();
    match (given, binds) {
        (None, Binds::List(_)) if matches!(d.mark, Mark::Dollar | Mark::Colon) => {
            no(Reason::AlternativesConflict, "numbered placeholders cannot be built under conditions")
        }
        (None, Binds::List(name)) => insert_values(p, call, text_arg, &name, edits),
        (None, Binds::Each(list)) => {
            if d.mark == Mark::Dollar {
                for b in &list {
                    p.insert_arg(call, text_arg + 1, b, edits)?;
                }
                return Ok(());
            }
            let body = list.join(", ");
            let only = sql.plan.ways.first().and_then(|w| w.first()).and_then(|s| s.list.as_ref());
            if let (Some(l), [_]) = (only, list.as_slice()) {
                let values = match (l.is_list, d.list) {
                    (true, _) => l.name.clone(),
                    (_, true) => format!("list({})", l.name),
                    _ => format!("tuple({})", l.name),
                };
                return insert_values(p, call, text_arg, &values, edits);
            }
            let values = match (d.list, list.as_slice()) {
                (true, _) => format!("[{body}]"),
                (false, [_]) => format!("({body},)"),
                (false, _) => format!("({body})"),
            };
            insert_values(p, call, text_arg, &values, edits)
        }
        (Some(_), Binds::List(_)) => {
            no(Reason::AlternativesConflict, "values that are there already mix with values bound under conditions")
        }
        (Some(given), Binds::Each(list)) => extend_values(p, given.value, old_count, &slots, &list, edits),
    }
}

/// The values become the argument behind the text.
fn insert_values(
    p: &PyCx<'_>,
    call: Span,
    text_arg: usize,
    values: &str,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let named = p.args(call).get(text_arg).is_some_and(|a| a.name.is_some());
    if named {
        return no(Reason::NoRecipe, "the text is given by name");
    }
    p.insert_arg(call, text_arg + 1, values, edits)
}

/// The call has values already: the new ones go between them, in the order of the placeholders.
fn extend_values(
    p: &PyCx<'_>,
    values: Span,
    old: usize,
    slots: &[Slot],
    list: &[String],
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    use ruff_python_ast::Expr;
    let elements: Vec<Span> = match p.expr_at(values) {
        Some(Expr::Tuple(t)) => t.elts.iter().map(surefix_syntax::python::span_of).collect(),
        Some(Expr::List(t)) => t.elts.iter().map(surefix_syntax::python::span_of).collect(),
        Some(Expr::Name(_)) if slots.iter().all(|s| s.before == old) && old > 0 => {
            // Behind values that a variable holds.
            let new = format!("[*{}, {}]", values.of(p.text), list.join(", "));
            return p.replace_expr(values, &new, edits);
        }
        _ => return no(Reason::NoRecipe, "the values that the call has already are not written as a tuple or list"),
    };
    if elements.len() != old {
        return no(Reason::NoRecipe, "the values that the call has already do not match the placeholders of its text");
    }
    for (s, b) in slots.iter().zip(list) {
        match elements.get(s.before) {
            Some(e) => push_insert(edits, p.file, e.lo, &format!("{b}, ")),
            None => match elements.last() {
                // `(x,)` loses its comma.
                Some(last) if elements.len() == 1 && values.of(p.text).starts_with('(') => {
                    let tail = Span::new(last.hi, values.hi);
                    p.no_comment_inside(tail)?;
                    match edits.iter_mut().find(|e| e.file == p.file && e.span == tail) {
                        Some(e) => {
                            e.text.pop();
                            e.text.push_str(&format!(", {b})"));
                        }
                        None => edits.push(Edit::replace(p.file, tail, format!(", {b})"))),
                    }
                }
                Some(last) => push_insert(edits, p.file, last.hi, &format!(", {b}")),
                None => {
                    let more = if slots.len() == 1 && values.of(p.text).starts_with('(') { "," } else { "" };
                    let first = !edits.iter().any(|e| e.file == p.file && e.span == Span::point(values.lo + 1));
                    let text = if first { format!("{b}{more}") } else { format!(", {b}") };
                    push_insert(edits, p.file, values.lo + 1, &text);
                }
            },
        }
    }
    Ok(())
}
