//! `new-rule`: the room, page and specification of a new rule, so that the first version has every part.

use anyhow::{Context, Result, bail};
use std::path::Path;

/// Writes the files of a new rule and the line in the registry.
pub fn run(args: &[String]) -> Result<()> {
    let mut id = None;
    let mut cwe = None;
    let mut title = None;
    let mut args = args.iter();
    while let Some(a) = args.next() {
        match a.as_str() {
            "--cwe" => cwe = args.next().and_then(|n| n.parse::<u16>().ok()),
            "--title" => title = args.next().cloned(),
            other if id.is_none() && !other.starts_with('-') => id = Some(other.to_string()),
            other => bail!("unknown argument `{other}`"),
        }
    }
    let (Some(id), Some(cwe)) = (id, cwe) else { bail!("usage: cargo xtask new-rule ID --cwe N [--title TEXT]") };
    let kebab = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !id.split('-').all(kebab) {
        bail!("`{id}` is not in kebab case");
    }
    let root = crate::root()?;
    let module = id.replace('-', "_");
    let title = title.unwrap_or_else(|| {
        let words = id.replace('-', " ");
        let (first, rest) = words.split_at(1);
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    create(&root, &format!("crates/rules/src/{module}/mod.rs"), &room(&id, cwe, &title))?;
    create(&root, &format!("docs/rules/{id}.md"), &page(&id, cwe, &title))?;
    create(&root, &format!("specs/{id}/python_builtins.md"), &spec(&id))?;
    println!(
        "next: `mod {module};` in crates/rules/src/lib.rs, `{module}::RULE` in crates/rules/src/registry.rs (sorted by id), \
         the line in README.md's table, then detection and the specification"
    );
    Ok(())
}

fn create(root: &Path, name: &str, text: &str) -> Result<()> {
    let file = root.join(name);
    if file.exists() {
        bail!("{name} is there already");
    }
    let parent = file.parent().unwrap_or(root);
    std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&file, text)).with_context(|| name.to_string())?;
    println!("{name}");
    Ok(())
}

fn room(id: &str, cwe: u16, title: &str) -> String {
    format!(
        r#"//! `{id}`: {title}.

use crate::{{DetectCx, FixCx, Found, Rule, RuleMeta, Severity}};
use surefix_ir::Lang;
use surefix_text::{{Fix, Reason, Refusal, Tier}};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {{
    id: "{id}",
    title: "{title}",
    cwe: &[{cwe}],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::Refuse,
    page: include_str!("../../../../docs/rules/{id}.md"),
}};

/// The class.
pub const RULE: Rule = Rule {{ meta: META, detect, fix }};

fn detect(_cx: &DetectCx<'_>, _out: &mut Vec<Found>) {{}}

fn fix(_cx: &FixCx<'_>, _found: &Found) -> Result<Fix, Refusal> {{
    Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))
}}
"#
    )
}

fn page(id: &str, cwe: u16, title: &str) -> String {
    let mut text = format!("# {id}\n\n{title} (CWE-{cwe}).\n");
    for heading in crate::tidy::PAGE {
        text.push_str(&format!("\n## {heading}\n\nTo be written.\n"));
    }
    text
}

fn spec(id: &str) -> String {
    format!(
        "# {id}: Python\n\n## The shape the rule is about\n\nOne sentence that says what this case shows.\n\n\
         Verdict: abstained no-recipe\n\n```python path=app.py\nprint(\"replace this by the flaw\")\n```\n"
    )
}
