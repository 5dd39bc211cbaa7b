//! Runs code that must not take the whole run down: a panic becomes a message.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Beginning of the names of worker threads, over which guarded work may be spread.
pub const WORKER: &str = "surefix-";

/// Guarded calls under way.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Guarded calls under way on this thread.
    static HERE: Cell<usize> = const { Cell::new(0) };
}

static HOOK: Once = Once::new();

/// Runs `f`; a panic inside becomes `Err` with its text and prints nothing.
pub fn guarded<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let worker = || std::thread::current().name().is_some_and(|n| n.starts_with(WORKER));
            let silent = HERE.get() > 0 || (GUARDED.load(Ordering::SeqCst) > 0 && worker());
            if !silent {
                previous(info);
            }
        }));
    });
    GUARDED.fetch_add(1, Ordering::SeqCst);
    HERE.set(HERE.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(f));
    HERE.set(HERE.get() - 1);
    GUARDED.fetch_sub(1, Ordering::SeqCst);
    result.map_err(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| s.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "panic".to_string());
        text.lines().next().unwrap_or("panic").chars().take(200).collect()
    })
}

/// Finds the items at which a task breaks down. `run` does the task with the items that are marked and gives the message of a
/// breakdown. The answer is one item and message after the other, until the task succeeds without them or `most` are found
/// (then `None` says that the search gave up).
pub fn culprits(
    items: usize,
    most: usize,
    mut run: impl FnMut(&[bool]) -> Result<(), String>,
) -> Option<Vec<(usize, String)>> {
    let mut with = vec![true; items];
    let mut out: Vec<(usize, String)> = Vec::new();
    while let Err(mut why) = run(&with) {
        if out.len() >= most {
            return None;
        }
        // The shortest beginning of the list that breaks ends with a culprit.
        let (mut good, mut bad) = (0, items);
        while bad - good > 1 {
            let mid = good + (bad - good) / 2;
            let part: Vec<bool> = with.iter().enumerate().map(|(i, w)| *w && i < mid).collect();
            match run(&part) {
                Ok(()) => good = mid,
                Err(e) => {
                    bad = mid;
                    why = e;
                }
            }
        }
        if bad == 0 || !with[bad - 1] {
            return None;
        }
        with[bad - 1] = false;
        out.push((bad - 1, why));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{culprits, guarded};

    #[test]
    fn culprits_are_found_one_by_one() {
        let task = |bad: &'static [usize]| {
            move |with: &[bool]| match bad.iter().find(|b| with[**b]) {
                Some(b) => Err(format!("at {b}")),
                None => Ok(()),
            }
        };
        assert_eq!(culprits(9, 3, task(&[])), Some(vec![]));
        assert_eq!(culprits(9, 3, task(&[7, 2])), Some(vec![(2, "at 2".into()), (7, "at 7".into())]));
        assert_eq!(culprits(9, 1, task(&[7, 2])), None);
        // Two that break only together: leaving one out is enough.
        let pair = |with: &[bool]| if with[1] && with[4] { Err("both".to_string()) } else { Ok(()) };
        assert_eq!(culprits(6, 3, pair), Some(vec![(4, "both".into())]));
        assert_eq!(culprits(0, 3, |_| Err("always".into())), None);
    }

    #[test]
    fn a_panic_becomes_a_message() {
        assert_eq!(guarded(|| 1), Ok(1));
        assert_eq!(guarded::<()>(|| panic!("at {}", 3)), Err("at 3".to_string()));
    }
}
