//! Which requests a run opens, refreshes and closes. A pure plan: the same findings and requests give the same actions.
//!
//! Nothing is kept beside the forge. A request's branch begins with the configured prefix, and the last line of its description
//! is a mark that Markdown does not show; it names the group and the findings.

use crate::forge::{Request, State};
use std::collections::{BTreeMap, BTreeSet};
use surefix_engine::{Outcome, Verdict};
use surefix_rules::Severity;

/// What goes into one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// One finding.
    Finding,
    /// One rule.
    #[default]
    Rule,
    /// One module: what lies below a build file.
    Module,
    /// Everything.
    All,
}

/// Findings that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Key: letters, digits and `-._/` only.
    pub key: String,
    /// What a person reads.
    pub name: String,
    /// Fingerprints, sorted.
    pub findings: Vec<String>,
    /// The worst severity.
    pub severity: Severity,
}

/// Groups of the findings that a fix exists for and that the settings let be fixed; the most severe first.
pub fn groups(outcome: &Outcome, grouping: Grouping, manifests: &BTreeSet<String>) -> Vec<Group> {
    let mut out: BTreeMap<String, Group> = BTreeMap::new();
    for f in &outcome.findings {
        if !matches!(f.verdict, Verdict::Fixable { policy: None, .. } | Verdict::Fixed(_)) {
            continue;
        }
        let (key, name) = match grouping {
            Grouping::Finding => {
                (format!("{}-{}", f.rule.id, f.fingerprint.get(..12).unwrap_or_default()), f.rule.title.to_string())
            }
            Grouping::Rule => (f.rule.id.to_string(), f.rule.title.to_string()),
            Grouping::Module => {
                let dir = module(&f.path, manifests);
                let id = blake3::hash(dir.as_bytes()).to_hex();
                let name = if dir.is_empty() { "the project's root".to_string() } else { dir.to_string() };
                (format!("module-{}-{}", slug(dir), &id[..8]), name)
            }
            Grouping::All => ("all".to_string(), "all rules".to_string()),
        };
        let g =
            out.entry(key.clone()).or_insert_with(|| Group { key, name, findings: Vec::new(), severity: f.severity() });
        g.findings.push(f.fingerprint.clone());
        g.severity = g.severity.max(f.severity());
    }
    let mut list: Vec<Group> = out.into_values().collect();
    list.iter_mut().for_each(|g| g.findings.sort());
    list.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.key.cmp(&b.key)));
    list
}

/// The nearest directory at or above a file that holds a build file.
fn module<'a>(path: &'a str, manifests: &BTreeSet<String>) -> &'a str {
    let mut dir = path.rsplit_once('/').map_or("", |(d, _)| d);
    loop {
        let below = |m: &String| m.rsplit_once('/').map_or("", |(d, _)| d) == dir;
        if dir.is_empty() || manifests.iter().any(below) {
            return dir;
        }
        dir = dir.rsplit_once('/').map_or("", |(d, _)| d);
    }
}

fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(40) {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "root".to_string() } else { out.to_string() }
}

/// The mark of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Key of the group.
    pub group: String,
    /// Fingerprints.
    pub findings: BTreeSet<String>,
    /// Closed by a run, because its findings are gone.
    pub gone: bool,
}

const MARK: &str = "[//]: # (surefix:1 ";

impl Mark {
    /// The last mark in a description.
    pub fn read(body: &str) -> Option<Mark> {
        let line = body.lines().map(str::trim).rev().find(|l| l.starts_with(MARK))?;
        let inner = line.strip_prefix(MARK)?.strip_suffix(')')?;
        let mut mark = Mark::default();
        for word in inner.split_whitespace() {
            match word.split_once('=') {
                Some(("group", v)) => mark.group = v.to_string(),
                Some(("findings", v)) => mark.findings = v.split(',').map(str::to_string).collect(),
                Some(("closed", "gone")) => mark.gone = true,
                _ => {}
            }
        }
        (!mark.findings.is_empty()).then_some(mark)
    }

    /// The line.
    pub fn write(&self) -> String {
        let list: Vec<&str> = self.findings.iter().map(String::as_str).collect();
        let gone = if self.gone { " closed=gone" } else { "" };
        format!("{MARK}group={} findings={}{gone})", self.group, list.join(","))
    }
}

/// Bounds on requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open at once.
    pub open: usize,
    /// Opened within 24 hours.
    pub daily: usize,
    /// Now, in seconds since 1970.
    pub now: u64,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Close an open request: none of its findings is there any more.
    Close {
        /// The request.
        request: Request,
        /// Its mark.
        mark: Mark,
    },
    /// Make sure that an open request has these fixes, on top of the base as it is now.
    Refresh {
        /// The request.
        request: Request,
        /// Its mark as it is.
        mark: Mark,
        /// What it is to fix.
        group: Group,
    },
    /// Open a request.
    Open {
        /// What it fixes.
        group: Group,
        /// Branch.
        branch: String,
    },
}

/// What a run is to do, and what it leaves, with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<Action>,
    /// Groups not offered: name and why.
    pub held: Vec<(String, String)>,
}

/// The branch of a group: the same findings always get the same one.
pub fn branch(prefix: &str, group: &Group) -> String {
    let mut h = blake3::Hasher::new();
    for part in std::iter::once(&group.key).chain(&group.findings) {
        h.update(part.as_bytes());
        h.update(b"\n");
    }
    format!("{prefix}{}-{}", group.key, &h.finalize().to_hex()[..8])
}

/// Plans from the groups, the requests of any state, and all findings that are there, with a fix or without.
pub fn plan(groups: &[Group], requests: &[Request], present: &BTreeSet<String>, prefix: &str, limits: Limits) -> Plan {
    let mut out = Plan::default();
    let marked: Vec<(&Request, Mark)> = requests.iter().filter_map(|r| Some((r, Mark::read(&r.body)?))).collect();
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    let mut covered: BTreeSet<String> = BTreeSet::new();
    for (r, m) in &marked {
        match r.state {
            // A person's no is final.
            State::Closed if !m.gone => refused.extend(m.findings.iter().map(String::as_str)),
            State::Open => covered.extend(m.findings.iter().cloned()),
            _ => {}
        }
    }
    let fixable: BTreeSet<&str> = groups.iter().flat_map(|g| g.findings.iter().map(String::as_str)).collect();
    let mut open = 0;
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (r, mark) in marked.iter().filter(|(r, _)| r.state == State::Open) {
        if !mark.findings.iter().any(|f| present.contains(f)) {
            out.actions.push(Action::Close { request: (*r).clone(), mark: mark.clone() });
            continue;
        }
        open += 1;
        let mut wanted: BTreeSet<String> =
            mark.findings.iter().filter(|f| fixable.contains(f.as_str())).cloned().collect();
        let of_group = groups.iter().find(|g| g.key == mark.group);
        // New findings of the group join the request that is open: two of one group would be in each other's way.
        if let Some(g) = of_group.filter(|g| !taken.contains(g.key.as_str())) {
            taken.insert(g.key.as_str());
            let new = g.findings.iter().filter(|f| !refused.contains(f.as_str()) && !covered.contains(*f));
            let new: Vec<String> = new.cloned().collect();
            covered.extend(new.iter().cloned());
            wanted.extend(new);
        }
        if wanted.is_empty() {
            out.held
                .push((mark.group.clone(), "its open request is left as it is: there is no fix any more".to_string()));
            continue;
        }
        let severity = of_group.map_or(Severity::Medium, |g| g.severity);
        let name = of_group.map_or_else(|| mark.group.clone(), |g| g.name.clone());
        let group = Group { key: mark.group.clone(), name, findings: wanted.into_iter().collect(), severity };
        out.actions.push(Action::Refresh { request: (*r).clone(), mark: mark.clone(), group });
    }
    let day = limits.now.saturating_sub(24 * 3600);
    let mut today = marked.iter().filter(|(r, _)| r.created > day).count();
    for g in groups {
        let left: Vec<String> =
            g.findings.iter().filter(|f| !covered.contains(*f) && !refused.contains(f.as_str())).cloned().collect();
        if left.is_empty() {
            if g.findings.iter().any(|f| refused.contains(f.as_str())) {
                out.held.push((g.key.clone(), "a request for it was closed by a person".to_string()));
            }
            continue;
        }
        if open >= limits.open {
            out.held.push((g.key.clone(), format!("{open} requests are open (`max-open`)")));
        } else if today >= limits.daily {
            out.held.push((g.key.clone(), format!("{today} requests were opened within 24 hours (`max-daily`)")));
        } else {
            let group = Group { findings: left, ..g.clone() };
            let branch = branch(prefix, &group);
            out.actions.push(Action::Open { group, branch });
            open += 1;
            today += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(key: &str, findings: &[&str], severity: Severity) -> Group {
        let findings = findings.iter().map(|f| f.to_string()).collect();
        Group { key: key.into(), name: key.into(), findings, severity }
    }

    fn request(number: u64, state: State, group: &str, findings: &[&str], gone: bool) -> Request {
        let mark = Mark { group: group.into(), findings: findings.iter().map(|f| f.to_string()).collect(), gone };
        Request {
            number,
            source: format!("surefix/{group}"),
            target: "main".into(),
            state,
            title: String::new(),
            body: format!("text\n\n{}\n", mark.write()),
            url: String::new(),
            created: 0,
        }
    }

    fn all(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    const LIMITS: Limits = Limits { open: 2, daily: 9, now: 1_000_000 };

    fn kinds(p: &Plan) -> Vec<String> {
        p.actions
            .iter()
            .map(|a| match a {
                Action::Close { request, .. } => format!("close {}", request.number),
                Action::Refresh { request, group, .. } => {
                    format!("refresh {} {}", request.number, group.findings.join("+"))
                }
                Action::Open { group, .. } => format!("open {} {}", group.key, group.findings.join("+")),
            })
            .collect()
    }

    #[test]
    fn the_mark_is_read_as_it_was_written() {
        let m = Mark { group: "xss".into(), findings: all(&["a", "b"]), gone: true };
        assert_eq!(Mark::read(&format!("x\n{}\n", m.write())), Some(m));
        assert_eq!(
            Mark::read("[//]: # (surefix:1 group=x findings=)"),
            Some(Mark { group: "x".into(), findings: all(&[""]), gone: false })
        );
        assert_eq!(Mark::read("nothing"), None);
    }

    #[test]
    fn one_finding_one_request() {
        let g = [group("a", &["1", "2"], Severity::High), group("b", &["3"], Severity::Low)];
        let here = all(&["1", "2", "3"]);
        let p = plan(&g, &[], &here, "surefix/", LIMITS);
        assert_eq!(kinds(&p), ["open a 1+2", "open b 3"]);
        // A second run with what the first opened: only refreshes.
        let open = [request(1, State::Open, "a", &["1", "2"], false), request(2, State::Open, "b", &["3"], false)];
        assert_eq!(kinds(&plan(&g, &open, &here, "surefix/", LIMITS)), ["refresh 1 1+2", "refresh 2 3"]);
        // Under another grouping the findings are still the same ones.
        let other = [group("all", &["1", "2", "3"], Severity::High)];
        assert_eq!(kinds(&plan(&other, &open, &here, "surefix/", LIMITS)), ["refresh 1 1+2", "refresh 2 3"]);
    }

    #[test]
    fn a_persons_close_is_respected_and_our_own_is_not_one() {
        let g = [group("a", &["1", "2"], Severity::High)];
        let here = all(&["1", "2"]);
        let p = plan(&g, &[request(1, State::Closed, "a", &["1"], false)], &here, "surefix/", LIMITS);
        assert_eq!(kinds(&p), ["open a 2"]);
        let p = plan(&g, &[request(1, State::Closed, "a", &["1", "2"], false)], &here, "surefix/", LIMITS);
        assert_eq!((kinds(&p).len(), p.held[0].1.as_str()), (0, "a request for it was closed by a person"));
        let p = plan(&g, &[request(1, State::Closed, "a", &["1", "2"], true)], &here, "surefix/", LIMITS);
        assert_eq!(kinds(&p), ["open a 1+2"]);
        // Merged and back again: offered again.
        let p = plan(&g, &[request(1, State::Merged, "a", &["1", "2"], false)], &here, "surefix/", LIMITS);
        assert_eq!(kinds(&p), ["open a 1+2"]);
    }

    #[test]
    fn what_is_gone_is_closed_and_new_findings_join() {
        let open = [request(1, State::Open, "a", &["1"], false), request(2, State::Open, "b", &["9"], false)];
        let g = [group("a", &["1", "2"], Severity::High)];
        assert_eq!(kinds(&plan(&g, &open, &all(&["1", "2"]), "surefix/", LIMITS)), ["refresh 1 1+2", "close 2"]);
    }

    #[test]
    fn caps_hold() {
        let g: Vec<Group> = ["a", "b", "c"].iter().map(|k| group(k, &[*k], Severity::High)).collect();
        let here = all(&["a", "b", "c"]);
        let p = plan(&g, &[], &here, "surefix/", LIMITS);
        assert_eq!((kinds(&p).len(), p.held[0].0.as_str()), (2, "c"));
        let mut merged = request(1, State::Merged, "z", &["z"], false);
        merged.created = LIMITS.now - 60;
        let p = plan(&g, &[merged], &here, "surefix/", Limits { daily: 2, ..LIMITS });
        assert_eq!((kinds(&p).len(), p.held.len()), (1, 2));
    }

    #[test]
    fn branches_are_names_that_git_takes() {
        assert_eq!(slug("a/../B c;$(x)"), "a-b-c-x");
        assert_eq!(slug("///"), "root");
        let b = branch("surefix/", &group("xss", &["1"], Severity::Low));
        assert_eq!(b, branch("surefix/", &group("xss", &["1"], Severity::High)));
        assert_ne!(b, branch("surefix/", &group("xss", &["2"], Severity::Low)));
    }

    #[test]
    fn modules_are_found_by_their_build_files() {
        let m = all(&["pom.xml", "a/pom.xml"]);
        assert_eq!(module("a/src/X.java", &m), "a");
        assert_eq!(module("b/src/X.java", &m), "");
        assert_eq!(module("X.java", &BTreeSet::new()), "");
    }
}
