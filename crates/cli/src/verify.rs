//! `fix --verify`, `surefix verify` and `surefix undo`: the project's own build and tests, the proof, and the way back.

use crate::args::{Building, Common, SandboxArg, TierArg};
use crate::run::{self, Ready, print, talk};
use crate::{FAILED, Failure};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use surefix_engine::{Depth, Outcome, Verdict, discover, write};
use surefix_report::escape::{block, line};
use surefix_verify::run::{Account, Request};
use surefix_verify::sandbox::{Limits, Machine, Policy};
use surefix_verify::{proof, scratch, undo};

/// True when a run builds and tests.
pub fn wanted(ready: &Ready, building: &Building) -> bool {
    building.verify || building.with_tests || building.proof.is_some() || ready.config.verify.always
}

fn request<'a>(
    ready: &'a Ready,
    root: &'a Path,
    building: &Building,
    helper: &'a Path,
) -> Result<Request<'a>, Failure> {
    let config = &ready.config.verify;
    let default = Limits::default();
    let megabytes = |n: Option<u64>, d: u64| n.map_or(d, |n| n.saturating_mul(1 << 20));
    let limits = Limits {
        time: config.time_limit.map_or(default.time, |s| s.saturating_mul(1000)),
        memory: megabytes(config.memory_limit, default.memory),
        processes: config.process_limit.unwrap_or(default.processes),
        disk: megabytes(config.disk_limit, default.disk),
        output: default.output,
    };
    let mut env = config.env.clone();
    for name in &building.allow_env {
        if let Some(value) = std::env::var_os(name).and_then(|v| v.into_string().ok()) {
            env.insert(name.clone(), value);
        }
    }
    let readable = building
        .allow_read
        .iter()
        .map(|p| p.canonicalize().map_err(|e| Failure::usage(format!("{}: {}", p.display(), discover::io_text(&e)))))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Request {
        root,
        config,
        policy: Policy { network: building.allow_network, readable, env, limits },
        with_tests: building.with_tests || config.with_tests,
        required: building.sandbox == SandboxArg::Required,
        machine: Machine::read(|n| std::env::var_os(n)),
        helper,
        store: scratch::store(|n| std::env::var_os(n)),
    })
}

fn helper() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| Failure::failed(format!("the own program: {}", discover::io_text(&e))))
}

/// Builds and tests the fixes of an outcome and drops those that make something worse.
pub fn verified(ready: &Ready, building: &Building, outcome: Outcome) -> Result<(Outcome, Account), Failure> {
    let mut rescan = |verdicts| {
        let settings = ready.settings.clone().withhold(verdicts);
        ready.scan_with(&settings, Depth::Full).map_err(|f| f.message)
    };
    verified_in(ready, &ready.root, building, outcome, &mut rescan)
}

/// As [`verified`], for a copy of the project at `root`; `rescan` analyses it anew without the fixes of these findings.
pub fn verified_in(
    ready: &Ready,
    root: &Path,
    building: &Building,
    outcome: Outcome,
    rescan: &mut dyn FnMut(BTreeMap<String, Verdict>) -> Result<Outcome, String>,
) -> Result<(Outcome, Account), Failure> {
    let helper = helper()?;
    let request = request(ready, root, building, &helper)?;
    let bar = indicatif::ProgressBar::new_spinner();
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
    } else {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut progress = |text: &str| bar.set_message(format!("verifying: {}", line(text)));
    let result = surefix_verify::run::verify(&request, outcome, rescan, &mut progress);
    bar.finish_and_clear();
    result.map_err(|e| match e {
        surefix_verify::run::Error::Sandbox(_) => Failure::usage(e),
        _ => Failure::failed(e),
    })
}

/// The directory of a command, when it is not the root.
fn within(dir: &str) -> String {
    if dir.is_empty() { String::new() } else { format!(" in {}", line(dir)) }
}

/// What was done, for a person.
pub fn told(outcome: &Outcome, account: &Account) -> String {
    let mut out = String::new();
    let fixes = outcome.findings.iter().filter(|f| matches!(f.verdict, Verdict::Fixed(_) | Verdict::Rejected { .. }));
    if fixes.count() == 0 {
        return out;
    }
    if account.plan.steps.is_empty() {
        out.push_str("Not verified: no build and no tests were found\n");
    }
    for (i, s) in account.plan.steps.iter().enumerate() {
        let command = format!("`{}`{}", line(&s.shown()), within(&s.dir));
        match (account.useless.get(&i), account.results.get(&i)) {
            (Some(why), _) => out.push_str(&format!("Not used: {command} {}\n", line(why))),
            (None, Some((passed, failed))) if s.serves == surefix_verify::plan::Serves::Tests => {
                let before = if *failed > 0 { " as before" } else { "" };
                out.push_str(&format!("Tested with {command}: {passed} passed, {failed} failed{before}\n"));
            }
            _ => out.push_str(&format!("Checked with {command}\n")),
        }
    }
    for l in &account.plan.left_out {
        out.push_str(&format!("Not run: {}{}: {}\n", line(&l.what), within(&l.dir), line(&l.why)));
    }
    let (passed, not) = account.probed;
    if passed > 0 {
        let rest = if not > 0 { format!(", {not} could not be probed (the reports say why)") } else { String::new() };
        out.push_str(&format!("Probed: the attack arrived before {passed} of the fixes and does not any more{rest}\n"));
    }
    out.push_str(&tests_told(outcome, account));
    let tests = account
        .plan
        .steps
        .iter()
        .enumerate()
        .any(|(i, s)| s.serves == surefix_verify::plan::Serves::Tests && !account.useless.contains_key(&i));
    let none = account.useless.len() == account.plan.steps.len();
    if none && !account.plan.steps.is_empty() {
        out.push_str("Neither built nor tested: nothing of the above could be used\n");
    } else if !tests && !account.plan.steps.is_empty() {
        out.push_str("No test could be used: verified by the build only\n");
    }
    for (step, test) in &account.flaky {
        out.push_str(&format!("Flaky, not counted: {} ({})\n", line(test), line(step)));
    }
    for m in &account.missing {
        out.push_str(&format!("warning: not isolated: {}\n", line(m)));
    }
    if account.runs > 0 || account.cached {
        let known = if account.cached { ", the baseline known from before" } else { "" };
        let seconds = |d: std::time::Duration| d.as_secs_f64();
        out.push_str(&format!(
            "{} runs of the project's commands{known}: {:.1} s, and {:.1} s around them\n",
            account.runs,
            seconds(account.commands),
            seconds(account.total.saturating_sub(account.commands))
        ));
    }
    out
}

/// What became of the wish for regression tests.
fn tests_told(outcome: &Outcome, account: &Account) -> String {
    let Some(kept) = &account.kept else { return String::new() };
    let mut out = String::new();
    for t in kept.tests.values() {
        out.push_str(&format!("Added test {}: it fails without the fix and passes with it\n", line(&t.path)));
    }
    for (i, why) in kept.reasons.iter().take(LISTED) {
        let Some(f) = outcome.findings.get(*i) else { continue };
        out.push_str(&format!("No test for {} in {}: {}\n", f.rule.id, line(&f.path), line(why)));
    }
    let more = kept.reasons.len().saturating_sub(LISTED);
    if more > 0 {
        out.push_str(&format!("No test for {more} more\n"));
    }
    out
}

/// What was asked for, as a proof records it.
pub fn asked(ready: &Ready, common: &Common, tier: Option<TierArg>, building: &Building) -> Value {
    let name = |v: &dyn Fn() -> Option<String>| v().map_or(Value::Null, Value::from);
    let paths: Vec<String> = ready
        .paths
        .iter()
        .filter_map(|p| p.canonicalize().ok())
        .map(|p| p.strip_prefix(&ready.root).unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/"))
        .collect();
    let spelt = |v: Option<clap::builder::PossibleValue>| v.map(|p| p.get_name().to_string());
    json!({
        "paths": paths,
        "tier": name(&|| spelt(tier?.to_possible_value())),
        "confidence": name(&|| spelt(common.confidence?.to_possible_value())),
        "rules": common.rules,
        "exclude_rules": common.exclude_rules,
        "settings": common.config.is_none(),
        "with_tests": building.with_tests,
        "allow_network": building.allow_network,
        "allow_env": building.allow_env,
        "allow_read": building.allow_read.len(),
    })
}

/// The proof of a run, with a final newline.
pub fn proof(ready: &Ready, outcome: &Outcome, account: &Account, asked: Value) -> Vec<u8> {
    let inputs = proof::inputs(&ready.root, outcome);
    let v = proof::statement(outcome, account, &inputs, asked);
    let mut text = serde_json::to_vec_pretty(&v).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Saves a proof where it was asked for, or in Surefix's own directory of the project. Gives the place.
pub fn save_proof(ready: &Ready, to: Option<&Path>, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let file = match to {
        Some(f) => f.to_path_buf(),
        None => {
            let dir = write::state_dir(&ready.root);
            let taken = |e: std::fs::DirEntry| {
                e.file_name().to_str()?.strip_prefix("proof-")?.strip_suffix(".json")?.parse::<u32>().ok()
            };
            let last = std::fs::read_dir(&dir).into_iter().flatten().flatten().filter_map(taken).max().unwrap_or(0);
            dir.join(format!("proof-{}.json", last.saturating_add(1)))
        }
    };
    std::fs::write(&file, bytes)
        .map_err(|e| Failure::failed(format!("{}: cannot be written: {}", file.display(), discover::io_text(&e))))?;
    Ok(file)
}

/// `surefix verify --plan`.
pub fn plan(path: Option<PathBuf>, common: &Common, building: &Building) -> Result<u8, Failure> {
    let ready = run::prepare(path.into_iter().collect(), common, None)?;
    let helper = helper()?;
    let request = request(&ready, &ready.root, building, &helper)?;
    print(block(&surefix_verify::run::plan(&request).text()).as_bytes())?;
    Ok(0)
}

/// Differences that are listed.
const LISTED: usize = 20;

/// `surefix verify BUNDLE`: does everything again and compares.
pub fn replay(bundle: &Path, root: &Path, common: &Common, building: &Building) -> Result<u8, Failure> {
    let shown = bundle.display();
    let bytes = std::fs::read(bundle)
        .map_err(|e| Failure::usage(format!("{shown}: cannot be read: {}", discover::io_text(&e))))?;
    let then = proof::read(&bytes).map_err(|e| Failure::usage(format!("{shown}: {e}")))?;
    let asked = &then["request"];
    let texts = |k: &str| -> Vec<String> {
        asked[k].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect()
    };
    if asked["settings"] == json!(false) && common.config.is_none() {
        return Err(Failure::usage(
            "the proof was made with other settings than the project's: give them with --config",
        ));
    }
    let (top, _) = discover::resolve(&[root.to_path_buf()]).map_err(Failure::usage)?;
    let paths: Vec<PathBuf> = texts("paths").iter().map(|p| top.join(p)).collect();
    let common = Common {
        rules: texts("rules"),
        exclude_rules: texts("exclude_rules"),
        confidence: asked["confidence"].as_str().and_then(|s| ValueEnum::from_str(s, true).ok()),
        ..common.clone()
    };
    let tier: Option<TierArg> = asked["tier"].as_str().and_then(|s| ValueEnum::from_str(s, true).ok());
    let network = asked["allow_network"] == json!(true);
    if network && !building.allow_network {
        return Err(Failure::usage("the proof was made with the network allowed: give --allow-network as well"));
    }
    let with_tests = asked["with_tests"] == json!(true);
    let building = Building { allow_env: texts("allow_env"), with_tests, ..building.clone() };
    let ready = run::prepare(paths, &common, tier.map(Into::into))?;
    // Before anything is executed: other files make another run.
    let now = json!(proof::inputs(&ready.root, &Outcome::default()));
    let other = proof::differences(&then["inputs"], &now, LISTED);
    if !other.is_empty() {
        print(block(&format!("not the same files as in the proof:\n  {}\n", other.join("\n  "))).as_bytes())?;
        return Ok(1);
    }
    let outcome = ready.scan_with(&ready.settings, Depth::Full)?;
    let (outcome, account) = verified(&ready, &building, outcome)?;
    if outcome.failed() {
        return Ok(FAILED);
    }
    let again = proof(&ready, &outcome, &account, self::asked(&ready, &common, tier, &building));
    let again = proof::read(&again).map_err(Failure::failed)?;
    let other = proof::differences(&then, &again, LISTED);
    if other.is_empty() {
        let n = outcome.findings.len();
        print(
            format!(
                "the same: {n} findings with their verdicts, {} changed files, every byte\n",
                outcome.changed.len()
            )
            .as_bytes(),
        )?;
        return Ok(0);
    }
    print(block(&format!("not the same:\n  {}\n", other.join("\n  "))).as_bytes())?;
    Ok(1)
}

/// `surefix undo`.
pub fn undo(id: &str) -> Result<u8, Failure> {
    let (root, _) = discover::resolve(&[PathBuf::from(".")]).map_err(Failure::usage)?;
    let state = write::state_dir(&root);
    let record = undo::find(&state, id).map_err(Failure::usage)?;
    let lock = write::lock(&root).map_err(Failure::failed)?;
    if lock.is_none() {
        return Err(run::busy());
    }
    if let Some(said) = write::recover(&root, &write::RealDisk).map_err(Failure::failed)? {
        talk(&format!("note: {}\n", line(&said)));
    }
    let changed = undo::take_out(&root, &state, &record).map_err(|e| match e {
        undo::Error::Io(_) => Failure::failed(e),
        _ => Failure { code: 1, message: e.to_string() },
    })?;
    let outcome = Outcome { changed, ..Outcome::default() };
    let back = surefix_report::undo_patch(&outcome, discover::in_git(&root).as_deref().unwrap_or(""));
    let written = write::write(&root, &outcome.changed, &back, &write::RealDisk);
    for e in &written.errors {
        talk(&format!("error: {}\n", line(&e.to_string())));
    }
    if !written.errors.is_empty() {
        return Ok(FAILED);
    }
    let ids: Vec<String> = record.findings.iter().map(|f| f.chars().take(12).collect()).collect();
    let text = format!("taken out: {} [{}]\n", record.title, ids.join(", "));
    print(line(text.trim_end()).as_bytes())?;
    print(b"\n")?;
    for f in &written.files {
        print(format!("  {}\n", line(f)).as_bytes())?;
    }
    Ok(0)
}
