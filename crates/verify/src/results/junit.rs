//! JUnit XML, in the dialects of surefire, Gradle, pytest and others.

use super::Result1;
use quick_xml::events::{BytesStart, Event};

/// Tests of one file in their order; `None` when it is no such file.
pub fn read(text: &str) -> Option<Vec<(String, Result1)>> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut out: Vec<(String, Result1)> = Vec::new();
    let mut suite = false;
    let mut test: Option<(String, Result1)> = None;
    // The text of a failure is collected until its end tag.
    let mut failure: Option<String> = None;
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => match e.local_name().as_ref() {
                "testsuite" | "testsuites" => suite = true,
                "testcase" => test = Some((name(&e), Result1::Passed)),
                "failure" | "error" if test.is_some() => failure = Some(attribute(&e, "message")),
                "skipped" => set(&mut test, Result1::Skipped),
                _ => {}
            },
            Ok(Event::Empty(e)) => match e.local_name().as_ref() {
                "testsuite" | "testsuites" => suite = true,
                "testcase" => out.push((name(&e), Result1::Passed)),
                "failure" | "error" => set(&mut test, Result1::Failed(attribute(&e, "message"))),
                "skipped" => set(&mut test, Result1::Skipped),
                _ => {}
            },
            Ok(Event::Text(t)) => push(&mut failure, &t),
            Ok(Event::CData(t)) => push(&mut failure, &t),
            Ok(Event::End(e)) => match e.local_name().as_ref() {
                "failure" | "error" => {
                    if let Some(text) = failure.take() {
                        set(&mut test, Result1::Failed(text));
                    }
                }
                "testcase" => out.extend(test.take()),
                _ => {}
            },
            Ok(Event::Eof) => return suite.then_some(out),
            // Half a report would make tests vanish.
            Err(_) => return None,
            Ok(_) => {}
        }
    }
}

fn set(test: &mut Option<(String, Result1)>, result: Result1) {
    if let Some((_, r)) = test
        && !matches!(r, Result1::Failed(_))
    {
        *r = result;
    }
}

fn push(failure: &mut Option<String>, text: &str) {
    if let Some(f) = failure
        && f.len() < 4 * super::MESSAGE
    {
        if !f.is_empty() {
            f.push('\n');
        }
        f.push_str(text);
    }
}

fn attribute(e: &BytesStart<'_>, name: &str) -> String {
    let found = e.attributes().flatten().find(|a| a.key.local_name().as_ref() == name);
    found.map_or_else(String::new, |a| {
        let raw = a.value.to_string();
        quick_xml::escape::unescape(&raw).map_or(raw.clone(), |t| t.into_owned())
    })
}

fn name(e: &BytesStart<'_>) -> String {
    let (class, name) = (attribute(e, "classname"), attribute(e, "name"));
    if class.is_empty() { name } else { format!("{class}.{name}") }
}
