//! The commands.

use crate::args::{Color, Common, Fix, Format, Scan};
use crate::{FAILED, Failure, color, verify};
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use surefix_engine::config::{self, Config, MaxTier};
use surefix_engine::{Depth, Finding, Flags, Knowledge, Outcome, Settings, Verdict, discover, user_models, write};
use surefix_models::ModelSet;
use surefix_report::terminal::Look;
use surefix_rules::RULES;

/// Writes to standard output; a reader that has gone away is no error.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(format!("standard output: {e}"))),
        _ => Ok(()),
    }
}

/// Writes to standard error.
pub fn talk(text: &str) {
    // The talk is a courtesy: a closed stderr changes no result.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// A run that was made ready: what is scanned and with which settings.
pub struct Ready {
    /// What was given.
    pub paths: Vec<PathBuf>,
    /// The project's root.
    pub root: PathBuf,
    /// The root's place in its git repository.
    pub in_git: Option<String>,
    /// Settings.
    pub settings: Settings,
    /// Models.
    pub models: Cow<'static, ModelSet>,
    /// The settings file.
    pub config: Config,
    /// Its directory.
    pub base: PathBuf,
}

/// Reads the settings of the project that the paths lie in.
pub fn prepare(paths: Vec<PathBuf>, common: &Common, tier: Option<MaxTier>) -> Result<Ready, Failure> {
    prepare_with(paths, common, tier, true)
}

fn prepare_with(paths: Vec<PathBuf>, common: &Common, tier: Option<MaxTier>, accept: bool) -> Result<Ready, Failure> {
    let paths = if paths.is_empty() { vec![PathBuf::from(".")] } else { paths };
    let (root, _) = discover::resolve(&paths).map_err(Failure::usage)?;
    let ids: Vec<&str> = RULES.iter().map(|r| r.meta.id).collect();
    let default = root.join(config::FILE_NAME);
    let file = common.config.clone().or_else(|| default.is_file().then_some(default));
    let (config, base) = match &file {
        Some(f) => {
            let shown = f.strip_prefix(&root).unwrap_or(f).to_string_lossy().to_string();
            let text = std::fs::read_to_string(f)
                .map_err(|e| Failure::usage(format!("{shown}: cannot be read: {}", discover::io_text(&e))))?;
            let config = Config::parse(&shown, &text, &ids).map_err(Failure::usage)?;
            (config, f.parent().unwrap_or(Path::new(".")).to_path_buf())
        }
        None => (Config::default(), root.clone()),
    };
    for id in common.rules.iter().chain(&common.exclude_rules) {
        known(id)?;
    }
    let flags = Flags {
        tier,
        confidence: common.confidence.map(Into::into),
        rules: common.rules.clone(),
        exclude_rules: common.exclude_rules.clone(),
        fail_on: common.fail_on.map(Into::into),
        threads: common.threads,
    };
    let mut settings = Settings::resolve(&config, &flags);
    let configured = config.report.baseline.as_ref().map(|f| base.join(f));
    if let Some(file) = common.baseline.clone().or(configured).filter(|_| accept) {
        settings = settings.with_baseline(baseline(&file)?);
    }
    let models = models(&config, &base)?;
    let in_git = discover::in_git(&root);
    Ok(Ready { paths, root, in_git, settings, models, config, base })
}

fn baseline(file: &Path) -> Result<std::collections::BTreeSet<String>, Failure> {
    let shown = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::usage(format!("{shown}: cannot be read: {}", discover::io_text(&e))))?;
    surefix_engine::baseline::parse(&text)
        .map_err(|n| Failure::usage(format!("{shown}:{n}: not a fingerprint of 32 digits")))
}

/// The models compiled in, with those of the project.
fn models(config: &Config, base: &Path) -> Result<Cow<'static, ModelSet>, Failure> {
    let user = user_models::read(config, base).map_err(Failure::usage)?;
    if user.is_empty() {
        return Ok(Cow::Borrowed(surefix_models::builtin()));
    }
    let set = surefix_models::load(surefix_models::builtin(), &user).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\nerror: "))
    })?;
    let mut rules: Vec<&str> = set.fixes.values().flatten().map(|f| f.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules.into_iter().try_for_each(known)?;
    Ok(Cow::Owned(set))
}

fn known(id: &str) -> Result<(), Failure> {
    if RULES.iter().any(|r| r.meta.id == id) {
        return Ok(());
    }
    let near = config::nearest(id, RULES.iter().map(|r| r.meta.id));
    let hint = near.map(|n| format!(" (did you mean `{n}`?)")).unwrap_or_default();
    Err(Failure::usage(format!("unknown rule `{id}`{hint}")))
}

impl Ready {
    fn scan(&self, depth: Depth) -> Result<Outcome, Failure> {
        self.scan_with(&self.settings, depth)
    }

    /// Analyses the project with other settings.
    pub fn scan_with(&self, settings: &Settings, depth: Depth) -> Result<Outcome, Failure> {
        self.scan_in(None, &self.paths, settings, depth)
    }

    /// Analyses the paths; `root`: in this copy of the project.
    pub fn scan_in(
        &self,
        root: Option<&Path>,
        paths: &[PathBuf],
        settings: &Settings,
        depth: Depth,
    ) -> Result<Outcome, Failure> {
        let bar = indicatif::ProgressBar::new_spinner();
        if std::io::stderr().is_terminal() {
            bar.set_message("analysing");
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        } else {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        let knowledge = Knowledge { rules: RULES, models: &self.models };
        let result = surefix_engine::in_pool(self.settings.threads, || {
            let found = match root {
                Some(root) => discover::discover_in(root.to_path_buf(), paths, settings),
                None => discover::discover(paths, settings),
            };
            let found = found.map_err(Failure::usage)?;
            surefix_engine::scan(found, settings, &knowledge, depth).map_err(Failure::failed)
        });
        bar.finish_and_clear();
        result.map_err(Failure::failed)?
    }
}

/// The report in one format.
pub fn render(format: Format, outcome: &Outcome, prefix: &str, look: Look) -> Vec<u8> {
    match format {
        Format::Text => surefix_report::terminal::render(outcome, look).into_bytes(),
        Format::Json => surefix_report::json::render(outcome).into_bytes(),
        Format::Sarif => {
            let rules: Vec<_> = RULES.iter().map(|r| r.meta).collect();
            surefix_report::sarif::render(outcome, &rules).into_bytes()
        }
        Format::Markdown => surefix_report::markdown::render(outcome).into_bytes(),
        Format::Patch => surefix_report::patch(outcome, prefix),
    }
}

/// Prints or saves the reports.
pub fn report(
    ready: &Ready,
    outcome: &Outcome,
    common: &Common,
    choice: Color,
    format: Format,
    diffs: bool,
) -> Result<(), Failure> {
    let prefix = ready.in_git.as_deref().unwrap_or("");
    let plain = Look { color: false, all: common.all, diffs };
    let save = |file: &Path, bytes: &[u8]| {
        std::fs::write(file, bytes).map_err(|e| {
            Failure::failed(format!("{}: cannot be written: {}", file.to_string_lossy(), discover::io_text(&e)))
        })
    };
    match &common.output {
        Some(file) => save(file, &render(format, outcome, prefix, plain))?,
        None => {
            let look = Look { color: color(choice, &std::io::stdout()), ..plain };
            print(&render(format, outcome, prefix, look))?;
        }
    }
    for (format, file) in &common.save {
        save(file, &render(*format, outcome, prefix, plain))?;
    }
    let err = Look { color: color(choice, &std::io::stderr()), ..plain };
    talk(&surefix_report::terminal::diagnostics(outcome, err));
    if outcome.coverage.files() == 0 {
        talk("warning: no file of a supported language was analysed\n");
    }
    Ok(())
}

/// The exit code of a run: the worst that holds, in the order 3, 4, 1, 5, 0. `applied`: fixes count as done. `written`: a file
/// was changed, which `tell` wants to know.
pub fn exit_code(outcome: &Outcome, settings: &Settings, applied: bool, written: bool, tell: bool) -> u8 {
    if outcome.failed() {
        return FAILED;
    }
    let open = |v: &Verdict| v.remains() || (!applied && matches!(v, Verdict::Fixed(_)));
    let mut remaining = outcome.findings.iter().filter(|f| settings.fails(f.severity()) && open(&f.verdict)).peekable();
    let any = remaining.peek().is_some();
    if remaining.any(|f| matches!(f.verdict, Verdict::Rejected { .. })) {
        4
    } else if any {
        1
    } else if written && tell {
        5
    } else {
        0
    }
}

/// `surefix scan`.
pub fn scan(args: Scan, choice: Color) -> Result<u8, Failure> {
    // What the old baseline accepts belongs into a new one.
    let ready = prepare_with(args.paths, &args.common, args.tier.map(Into::into), args.write_baseline.is_none())?;
    // Only a patch needs the texts as they would be written.
    let patch = |f: Format| f == Format::Patch;
    let all = patch(args.common.format) || args.common.save.iter().any(|s| patch(s.0));
    let outcome = ready.scan(if all { Depth::Full } else { Depth::Preview })?.as_preview();
    report(&ready, &outcome, &args.common, choice, args.common.format, false)?;
    if let Some(file) = &args.write_baseline {
        let text = surefix_engine::baseline::write(&outcome);
        std::fs::write(file, text).map_err(|e| {
            Failure::failed(format!("{}: cannot be written: {}", file.to_string_lossy(), discover::io_text(&e)))
        })?;
    }
    Ok(exit_code(&outcome, &ready.settings, false, false, false))
}

/// `surefix fix`.
pub fn fix(args: Fix, choice: Color) -> Result<u8, Failure> {
    let ready = prepare(args.paths, &args.common, args.tier.map(Into::into))?;
    let preview = args.diff || args.check;
    let mut failed = false;
    let mut lock = None;
    if !preview && write::state_dir(&ready.root).is_dir() {
        // Taken before the files are read: what another run is writing would be read half. Where it cannot be taken, nothing
        // can be written either, and the writing will say so.
        match write::lock(&ready.root) {
            Ok(Some(l)) => lock = Some(l),
            Ok(None) => return Err(busy()),
            Err(_) => {}
        }
    }
    if !preview {
        match write::recover(&ready.root, &write::RealDisk) {
            Ok(None) => {}
            Ok(Some(said)) => talk(&format!("note: {}\n", surefix_report::escape::line(&said))),
            Err(e) => {
                return Err(Failure::failed(format!("an earlier run was interrupted and cannot be completed: {e}")));
            }
        }
    }
    let mut outcome = ready.scan(Depth::Full)?;
    let mut proof = None;
    if verify::wanted(&ready, &args.building) {
        let (verified, account) = verify::verified(&ready, &args.building, outcome)?;
        outcome = verified;
        let asked = verify::asked(&ready, &args.common, args.tier, &args.building);
        proof = Some((verify::proof(&ready, &outcome, &account, asked), verify::told(&outcome, &account)));
    }
    let mut written = write::Written::default();
    if preview {
        outcome = outcome.as_preview();
    } else {
        let undo = surefix_report::undo_patch(&outcome, ready.in_git.as_deref().unwrap_or(""));
        if lock.is_none() && !outcome.changed.is_empty() {
            match write::lock(&ready.root) {
                Ok(Some(l)) => lock = Some(l),
                Ok(None) => return Err(busy()),
                Err(e) => written.errors.push(e),
            }
        }
        if lock.is_some() {
            written = write::write(&ready.root, &outcome.changed, &undo, &write::RealDisk);
        }
        failed |= !written.errors.is_empty();
        unwritten(&mut outcome, &written);
        if !written.files.is_empty()
            && let Err(e) = surefix_verify::undo::keep(&write::state_dir(&ready.root), &outcome, &written.files)
        {
            talk(&format!("warning: single fixes cannot be taken out later: {}\n", discover::io_text(&e)));
        }
    }
    let text = args.common.format == Format::Text;
    if args.diff && text {
        report(&ready, &outcome, &args.common, choice, Format::Patch, false)?;
        let look = Look { color: color(choice, &std::io::stderr()), ..Look::default() };
        talk(&surefix_report::terminal::summary(&outcome, look));
    } else {
        report(&ready, &outcome, &args.common, choice, args.common.format, true)?;
    }
    for e in &written.errors {
        talk(&format!("error: {}\n", surefix_report::escape::line(&e.to_string())));
    }
    if let Some((bytes, told)) = &proof {
        talk(told);
        // A proof that nobody asked for by name is kept where the way back is kept.
        if args.building.proof.is_some() || !written.files.is_empty() {
            let file = verify::save_proof(&ready, args.building.proof.as_deref(), bytes)?;
            talk(&format!("Proof: {}\n", surefix_report::escape::line(&near(&file))));
        }
    }
    if !preview {
        talk(&after(&ready, &written));
    }
    if failed || outcome.failed() {
        return Ok(FAILED);
    }
    if args.diff && !args.check {
        return Ok(0);
    }
    let any = !written.files.is_empty();
    Ok(exit_code(&outcome, &ready.settings, !preview, any, args.exit_non_zero_on_fix))
}

/// Another run has the project.
pub fn busy() -> Failure {
    Failure::failed("another run of surefix is changing this project; nothing was changed")
}

/// A fix one of whose files was not written is not applied: its finding is still there.
fn unwritten(outcome: &mut Outcome, written: &write::Written) {
    outcome.changed.retain(|c| written.files.contains(&c.path));
    for f in &mut outcome.findings {
        if let Verdict::Fixed(fix) = &f.verdict
            && !fix.files.iter().all(|p| written.files.contains(p))
        {
            f.verdict = Verdict::Fixable { fix: fix.clone(), policy: None };
        }
    }
}

/// Most files that are listed when all went well.
const LISTED: usize = 20;

/// What was changed, how to see it and how to take it back.
fn after(ready: &Ready, written: &write::Written) -> String {
    let n = written.files.len();
    let Some(undo) = written.undo.as_ref().filter(|_| n > 0) else { return String::new() };
    let mut out = if n == 1 { "1 file was changed:\n".to_string() } else { format!("{n} files were changed:\n") };
    // When something went wrong the list must be whole.
    let shown = if written.errors.is_empty() { LISTED } else { n };
    for path in written.files.iter().take(shown) {
        out.push_str(&format!("  {}\n", surefix_report::escape::line(path)));
    }
    if n > shown {
        out.push_str(&format!("  … and {} more\n", n - shown));
    }
    let here = std::env::current_dir().ok();
    let elsewhere = here.as_deref() != Some(&ready.root);
    let at = if elsewhere { format!("cd {} && ", quoted(&near(&ready.root))) } else { String::new() };
    let undo = if elsewhere { undo.to_string_lossy().into_owned() } else { near(undo) };
    let back = if ready.in_git.is_some() {
        out.push_str("To see it: git diff\n");
        "git apply"
    } else {
        "patch -p1 <"
    };
    let command = format!("{at}{back} {}", quoted(&undo));
    out + &format!("To take it back, and nothing else: {}\n", surefix_report::escape::line(&command))
}

/// A path as it is named from the current directory.
fn near(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let near = here.as_ref().and_then(|h| path.strip_prefix(h).ok()).unwrap_or(path);
    near.to_string_lossy().into_owned()
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_string()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// `surefix explain`.
pub fn explain(what: &str, paths: Vec<PathBuf>, common: Common, choice: Color) -> Result<u8, Failure> {
    let common = Common { confidence: common.confidence.or(Some(crate::args::LevelArg::Low)), ..common };
    let ready = prepare(paths, &common, None)?;
    let outcome = ready.scan(Depth::Preview)?.as_preview();
    let by_place = what.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse::<usize>().ok()?)));
    let hit: Vec<&Finding> = outcome
        .findings
        .iter()
        .filter(|f| match by_place {
            Some((path, line)) => {
                let text = outcome.texts.get(&f.path).map_or("", String::as_str);
                let first = text.get(..f.found.span.lo as usize).unwrap_or("").matches('\n').count() + 1;
                first == line && (f.path == path || f.path.ends_with(&format!("/{}", path.trim_start_matches("./"))))
            }
            None => what.len() >= 4 && f.fingerprint.starts_with(&what.to_ascii_lowercase()),
        })
        .collect();
    if hit.is_empty() {
        return Err(Failure::usage(format!(
            "no such finding: {what} (a fingerprint of at least 4 digits, or path:line)"
        )));
    }
    let look = Look { color: color(choice, &std::io::stdout()), all: true, diffs: true };
    for f in hit {
        print(surefix_report::terminal::explain(&outcome, f, look).as_bytes())?;
    }
    Ok(0)
}

/// `surefix rules`.
pub fn rules() -> Result<u8, Failure> {
    let wide = RULES.iter().map(|r| r.meta.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for r in RULES {
        let langs: Vec<&str> = r.meta.langs.iter().map(|l| l.name()).collect();
        out.push_str(&format!(
            "{:wide$}  {:8}  {:11}  {:12}  {}\n",
            r.meta.id,
            r.meta.severity.name(),
            r.meta.best_tier.name(),
            langs.join(","),
            r.meta.title
        ));
    }
    print(out.as_bytes())?;
    Ok(0)
}

/// `surefix rule`.
pub fn rule(id: &str, choice: Color) -> Result<u8, Failure> {
    known(id)?;
    let Some(r) = surefix_rules::rule(id) else { return Err(Failure::usage(format!("unknown rule `{id}`"))) };
    let cwe: Vec<String> = r.meta.cwe.iter().map(|n| format!("CWE-{n}")).collect();
    let head = format!("{} ({}), severity {}\n\n", r.meta.title, cwe.join(", "), r.meta.severity.name());
    let look = Look { color: color(choice, &std::io::stdout()), ..Look::default() };
    print((head + &surefix_report::terminal::page(r.meta.page, look)).as_bytes())?;
    Ok(0)
}

/// `surefix init`.
pub fn init() -> Result<u8, Failure> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).open(config::FILE_NAME).map_err(|e| {
            match e.kind() {
                std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{} is there already", config::FILE_NAME)),
                _ => Failure::failed(format!("{}: {}", config::FILE_NAME, discover::io_text(&e))),
            }
        })?;
    file.write_all(config::INIT.as_bytes())
        .map_err(|e| Failure::failed(format!("{}: {}", config::FILE_NAME, discover::io_text(&e))))?;
    talk(&format!("{} written; every line in it is optional\n", config::FILE_NAME));
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefix_engine::{Applied, Diagnostic, Flags, Gate};
    use surefix_rules::{Confidence, Found, Severity};
    use surefix_text::{FileId, Reason, Refusal, Span, Tier};

    fn finding(severity: Severity, verdict: Verdict) -> Finding {
        let mut rule = RULES[0].meta;
        rule.severity = severity;
        let found = Found {
            rule: rule.id,
            file: FileId(0),
            span: Span::new(0, 0),
            message: String::new(),
            subject: String::new(),
            sink: String::new(),
            source: String::new(),
            confidence: Confidence::High,
            flow: None,
            call: None,
            variant: "",
        };
        Finding { found, rule, path: String::new(), fingerprint: String::new(), verdict }
    }

    fn applied() -> Box<Applied> {
        Box::new(Applied {
            title: String::new(),
            tier: Tier::Preserving,
            reasons: Vec::new(),
            edits: None,
            made: Vec::new(),
            diff: String::new(),
            files: Vec::new(),
            evidence: Vec::new(),
            pass: 1,
            tests: Vec::new(),
        })
    }

    #[test]
    fn the_worst_that_holds_is_the_exit_code() {
        let settings = Settings::resolve(&Config::default(), &Flags::default());
        let rejected = || Verdict::Rejected { title: String::new(), gate: Gate::Gone, detail: String::new() };
        let abstained = || Verdict::Abstained(Refusal::new(Reason::NoRecipe, ""));
        let fixed = || Verdict::Fixed(applied());
        let code = |list: Vec<(Severity, Verdict)>, written: bool| {
            let findings = list.into_iter().map(|(s, v)| finding(s, v)).collect();
            exit_code(&Outcome { findings, ..Outcome::default() }, &settings, written, written, true)
        };
        use Severity::{High, Low};
        assert_eq!(code(vec![], false), 0);
        assert_eq!(code(vec![(High, fixed())], true), 5);
        assert_eq!(code(vec![(High, fixed())], false), 1);
        assert_eq!(code(vec![(High, fixed()), (High, abstained())], true), 1);
        assert_eq!(code(vec![(High, abstained()), (High, rejected())], true), 4);
        // Below the threshold nothing fails a run.
        assert_eq!(code(vec![(Low, rejected()), (Low, abstained())], false), 0);
        assert_eq!(code(vec![(High, Verdict::Suppressed { by: String::new() })], false), 0);
        let failure = Diagnostic { path: String::new(), line: 0, message: String::new(), failure: true };
        let broken =
            Outcome { findings: vec![finding(High, rejected())], diagnostics: vec![failure], ..Outcome::default() };
        assert_eq!(exit_code(&broken, &settings, true, true, true), FAILED);
    }
}
