//! `surefix fix --commit`.

use super::{Checkout, Past, below, count, git, proven, short, split, style};
use crate::args::{Color, Fix};
use crate::run::{exit_code, prepare, report, talk};
use crate::{FAILED, Failure};
use surefix_deliver::commit::commit;
use surefix_deliver::compose::units;
use surefix_deliver::platform::Env;
use surefix_deliver::repo::Repo;
use surefix_engine::Verdict;
use surefix_report::escape::line;

/// Fixes what is checked in, and commits.
pub fn run(args: Fix, choice: Color) -> Result<u8, Failure> {
    let building = proven(args.unproven, &args.building)?;
    let ready = prepare(args.paths.clone(), &args.common, args.tier.map(Into::into))?;
    let env = Env::of_process();
    let repo = Repo::open(&git(&ready, &env))?;
    repo.at_rest()?;
    let style = style(&ready, false)?;
    let prefix = ready.in_git.clone().unwrap_or_default();
    let uncommitted = repo.uncommitted()?;
    let past = Past::new(&ready, &repo, &repo.head)?;
    let copy = Checkout::new(&ready, &repo, &repo.head)?;
    let mut outcome = copy.fix(&ready, &ready.settings, building, |f| {
        let Verdict::Fixed(fix) = &f.verdict else { return None };
        let work = fix.files.iter().find(|p| uncommitted.contains(&below(&prefix, p)));
        let work = work.map(|p| format!("{} has changes that are not committed", line(p)));
        work.or_else(|| past.taken_back(f))
    })?;
    let mut list = units(&outcome, split(&ready, args.commit));
    for note in past.regressions(&outcome, &mut list) {
        talk(&format!("note: {note}\n"));
    }
    let mut made = String::new();
    let mut failed = None;
    if !list.is_empty() {
        let done =
            commit(&copy.tree, &prefix, &list, &style).and_then(|new| repo.advance(&repo.head, &new).map(|()| new));
        match done {
            Ok(new) => {
                let to = repo.branch.as_deref().map_or("the detached head".to_string(), |b| line(b).into_owned());
                made = format!("{} on {to}, up to {}\n", count(list.len(), "commit", "commits"), short(&new));
            }
            Err(e) => {
                outcome = outcome.as_preview();
                failed = Some(e);
            }
        }
    }
    let any = !made.is_empty();
    report(&ready, &outcome, &args.common, choice, args.common.format, true)?;
    if let Some(e) = failed {
        talk(&format!("error: nothing was committed: {e}\n"));
        return Ok(FAILED);
    }
    talk(&made);
    if any {
        talk("To see them: git log -p\nTo take them back: git revert, one by one or together\n");
    }
    Ok(exit_code(&outcome, &ready.settings, true, any, args.exit_non_zero_on_fix))
}
