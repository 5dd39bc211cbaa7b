//! `fuzz`: arbitrary and broken files through parsing, lowering and validation; and whether fixes of broken files hold.
//!
//! A run is replayed by its seed. What fails is written to `target/fuzz`. Coverage-guided fuzzing needs a nightly compiler; the seeds
//! here are real code (specifications, examples, folders given), so that mutations reach deep without guidance.

use crate::mutate::Dice;
use anyhow::{Context, Result, bail};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use surefix_engine::config::MaxTier;
use surefix_engine::{Depth, Flags, InputFile, Knowledge, Role, Settings, in_pool, scan_memory};
use surefix_ir::Lang;
use surefix_rules::RULES;
use surefix_text::SourceFile;

/// Pieces that break structure.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "f\"{",
    "}\"",
    "\\",
    "//",
    "/*",
    "*/",
    "#",
    ";",
    ":",
    ",",
    "->",
    "::",
    "\r\n",
    "\n",
    "\t",
    "\u{feff}",
    "\u{0}",
    "é",
    "💥",
    "\u{202e}",
    "class A {",
    "if (",
    "else",
    "try {",
    "catch",
    "finally",
    "switch (",
    "case ",
    "default ->",
    "return",
    "lambda x:",
    "def f(",
    "async ",
    "await ",
    "yield ",
    "match x:\n  case ",
    "with ",
    "global ",
    "@",
    "...",
    "<",
    ">",
    "var ",
    "new ",
    "record R(",
    "sealed ",
    "enum E {",
    "interface ",
    "0x",
    "1e999",
    "%s",
    "{0}",
    "((((((((((((((((",
    "import ",
];

/// Inputs above this many bytes are cut.
const MAX: usize = 200_000;

struct Seed {
    lang: Lang,
    bytes: Vec<u8>,
}

struct Options {
    seconds: u64,
    seed: u64,
    folders: Vec<PathBuf>,
}

fn options(args: &[String]) -> Result<Options> {
    let mut o = Options { seconds: 60, seed: 1, folders: Vec::new() };
    let mut args = args.iter();
    while let Some(a) = args.next() {
        let mut number =
            || args.next().and_then(|v| v.parse::<u64>().ok()).with_context(|| format!("{a} needs a number"));
        match a.as_str() {
            "--seconds" => o.seconds = number()?,
            "--seed" => o.seed = number()?,
            other if other.starts_with('-') => bail!("unknown argument `{other}`"),
            folder => o.folders.push(PathBuf::from(folder)),
        }
    }
    Ok(o)
}

/// Runs until the time is over; fails when an input failed.
pub fn run(args: &[String]) -> Result<()> {
    let o = options(args)?;
    let root = crate::root()?;
    let mut seeds = Vec::new();
    for folder in ["specs", "docs/rules", "examples"].map(|f| root.join(f)).iter().chain(&o.folders) {
        collect(folder, &mut seeds);
    }
    if seeds.is_empty() {
        bail!("no code to begin with");
    }
    let out = root.join("target/fuzz");
    // Panics are caught and counted; their messages would only scroll by.
    std::panic::set_hook(Box::new(|_| {}));
    let done = in_pool(1, || fuzz(&o, &seeds, &out)).map_err(|e| anyhow::anyhow!("{e}"))?;
    drop(std::panic::take_hook());
    let (inputs, fixes, failures) = done?;
    println!("fuzz: {inputs} inputs from {} seeds, {fixes} of them fixed, seed {}", seeds.len(), o.seed);
    println!("fuzz: {} passed, {failures} failed", inputs - failures);
    if failures > 0 {
        bail!("{failures} inputs failed; they are in {}", out.display());
    }
    Ok(())
}

/// Code files of a folder, and the code blocks of Markdown files.
fn collect(folder: &Path, seeds: &mut Vec<Seed>) {
    let mut stack = vec![folder.to_path_buf()];
    let mut files = Vec::new();
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        let lang = |e: &str| match e {
            "java" => Some(Lang::Java),
            "py" | "python" => Some(Lang::Python),
            _ => None,
        };
        let extension = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if let Some(lang) = lang(extension) {
            seeds.push(Seed { lang, bytes });
        } else if extension == "md" {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            for block in text.split("\n```").skip(1).step_by(2) {
                let (info, body) = block.split_once('\n').unwrap_or((block, ""));
                if let Some(lang) = lang(info.split(' ').next().unwrap_or_default()) {
                    seeds.push(Seed { lang, bytes: body.as_bytes().to_vec() });
                }
            }
        }
    }
}

fn fuzz(o: &Options, seeds: &[Seed], out: &Path) -> Result<(usize, usize, usize)> {
    let mut dice = Dice::new(o.seed, "fuzz");
    let start = Instant::now();
    let (mut inputs, mut fixes, mut failures) = (0, 0, 0);
    while start.elapsed() < Duration::from_secs(o.seconds) {
        let pick = |dice: &mut Dice| &seeds[usize::try_from(dice.below(seeds.len() as u64)).unwrap_or(0)];
        let seed = pick(&mut dice);
        let other = pick(&mut dice);
        let mut bytes = if dice.below(50) == 0 { noise(&mut dice) } else { seed.bytes.clone() };
        for _ in 0..=dice.below(6) {
            mutate(&mut bytes, &other.bytes, &mut dice);
        }
        bytes.truncate(MAX);
        inputs += 1;
        let began = Instant::now();
        let result = check(seed.lang, &bytes, inputs % 4 == 0);
        let took = began.elapsed();
        let result = result
            .and_then(|fixed| if took.as_secs() > 10 { Err(format!("{took:?} for one input")) } else { Ok(fixed) });
        match result {
            Ok(fixed) => fixes += usize::from(fixed),
            Err(why) => {
                failures += 1;
                std::fs::create_dir_all(out).context("target/fuzz")?;
                let extension = if seed.lang == Lang::Java { "java" } else { "py" };
                let name = out.join(format!("{}-{inputs}.{extension}", o.seed));
                std::fs::write(&name, &bytes).with_context(|| name.display().to_string())?;
                println!("{}: {why}", name.display());
            }
        }
    }
    Ok((inputs, fixes, failures))
}

fn noise(dice: &mut Dice) -> Vec<u8> {
    (0..dice.below(2000)).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect()
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let len = bytes.len();
    let at = usize::try_from(dice.below(len as u64 + 1)).unwrap_or(0);
    let some = |dice: &mut Dice, rest: usize| usize::try_from(dice.below(rest as u64 + 1)).unwrap_or(0).min(rest);
    match dice.below(9) {
        0 if at < len => bytes[at] = u8::try_from(dice.below(256)).unwrap_or(0),
        1 => {
            let n = some(dice, (len - at).min(40));
            bytes.drain(at..at + n);
        }
        2 => {
            let n = some(dice, (len - at).min(200));
            let piece = bytes[at..at + n].to_vec();
            bytes.splice(at..at, piece);
        }
        3 if !other.is_empty() => {
            let from = some(dice, other.len() - 1);
            let n = some(dice, (other.len() - from).min(400));
            bytes.splice(at..at, other[from..from + n].iter().copied());
        }
        4 => bytes.truncate(at),
        5 => {
            let piece = PIECES[some(dice, PIECES.len() - 1)].as_bytes();
            let times = [1, 1, 1, 2, 50, 3000][some(dice, 5)];
            bytes.splice(at..at, piece.repeat(times));
        }
        6 => {
            // A whole line goes or comes twice.
            let from = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            let to = bytes[at..].iter().position(|b| *b == b'\n').map_or(len, |i| at + i + 1);
            let line = bytes[from..to].to_vec();
            if dice.below(2) == 0 {
                bytes.drain(from..to);
            } else {
                bytes.splice(from..from, line);
            }
        }
        7 => {
            let crlf: Vec<u8> =
                bytes.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect();
            *bytes = crlf;
        }
        _ => {
            let piece = PIECES[some(dice, PIECES.len() - 1)].as_bytes();
            bytes.splice(at..at, piece.iter().copied());
        }
    }
}

/// Parses, lowers, validates; with `deep` also scans and fixes. True when something was fixed.
fn check(lang: Lang, bytes: &[u8], deep: bool) -> Result<bool, String> {
    let path = if lang == Lang::Java { "src/A.java" } else { "src/a.py" };
    let text = match SourceFile::decode(path, bytes) {
        Ok(source) => source.text,
        // Binary files are refused, and that is all.
        Err(_) => return Ok(false),
    };
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let input = surefix_lower::Input { path, text: &text, module: "src.a", is_package: false };
        let module = surefix_lower::lower(lang, input);
        surefix_ir::validate::validate(&module)
    }));
    match caught {
        Err(_) => return Err("a panic while lowering".to_string()),
        Ok(problems) if !problems.is_empty() => return Err(format!("not valid: {}", problems.join("; "))),
        Ok(_) => {}
    }
    if deep { fixed(path, bytes) } else { Ok(false) }
}

fn fixed(path: &str, bytes: &[u8]) -> Result<bool, String> {
    let settings = Settings::resolve(
        &surefix_engine::Config::default(),
        &Flags { tier: Some(MaxTier::Observable), threads: 1, ..Flags::default() },
    );
    let knowledge = Knowledge { rules: RULES, models: surefix_models::builtin() };
    let scan = |bytes: &[u8]| {
        let input = vec![InputFile { path: path.to_string(), role: Role::Code, bytes: bytes.to_vec() }];
        catch_unwind(AssertUnwindSafe(|| scan_memory(input, &settings, &knowledge, Depth::Full)))
            .map_err(|_| "a panic while scanning".to_string())?
            .map_err(|e| e.to_string())
    };
    let first = scan(bytes)?;
    if let Some(d) = first.diagnostics.iter().find(|d| d.failure) {
        return Err(d.message.clone());
    }
    let Some(changed) = first.changed.first() else { return Ok(false) };
    let again = scan(&changed.after)?;
    if first.coverage.partly_parsed.is_empty() && !again.coverage.partly_parsed.is_empty() {
        return Err("the fixed text does not parse".to_string());
    }
    if !again.changed.is_empty() {
        return Err("a second run changes the fixed text".to_string());
    }
    Ok(true)
}
