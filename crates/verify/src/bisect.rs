//! Whom to blame: the smallest set of changes that fails together, found with few runs.

/// Finds a minimal set of `all` that fails when it is applied, where `fails` is asked for sets (in ascending order) and the
/// whole of `all` is known to fail. Each member costs about log2(n) questions. When the answers contradict each other (a set
/// that fails although a larger one passed), the result is a failing set, but perhaps not a smallest one.
pub fn minimal(all: &[usize], mut fails: impl FnMut(&[usize]) -> bool) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    // The candidates that are left: a member of the set lies at the end of the shortest beginning that fails with those
    // found before.
    let mut rest: Vec<usize> = all.to_vec();
    while !rest.is_empty() {
        let mut ask = |n: usize, found: &[usize]| {
            let mut set: Vec<usize> = found.iter().chain(&rest[..n]).copied().collect();
            set.sort_unstable();
            fails(&set)
        };
        // Those found so far may already be enough.
        if !found.is_empty() && ask(0, &found) {
            break;
        }
        // The beginning of length `high` fails, that of length `low` does not.
        let (mut low, mut high) = (0, rest.len());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if ask(middle, &found) { high = middle } else { low = middle }
        }
        found.push(rest[high - 1]);
        rest.truncate(high - 1);
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Drops guilty sets until the rest passes; gives what was dropped and the number of questions.
    fn sift(n: usize, guilty: &[Vec<usize>]) -> (BTreeSet<usize>, usize) {
        let mut asked = 0;
        let mut fails = |set: &[usize]| {
            asked += 1;
            guilty.iter().any(|g| g.iter().all(|x| set.contains(x)))
        };
        let mut rest: Vec<usize> = (0..n).collect();
        let mut dropped = BTreeSet::new();
        while fails(&rest) {
            let set = minimal(&rest, &mut fails);
            assert!(!set.is_empty());
            rest.retain(|x| !set.contains(x));
            dropped.extend(set);
        }
        (dropped, asked)
    }

    #[test]
    fn three_of_five_hundred_of_which_two_fail_only_together() {
        let (dropped, asked) = sift(500, &[vec![421], vec![17, 333]]);
        assert_eq!(dropped, BTreeSet::from([17, 333, 421]));
        // Three searches of log2(500) = 9 questions, one more for each member and each round.
        assert!(asked <= 3 * 9 + 6, "{asked}");
    }

    proptest! {
        #[test]
        fn exactly_the_guilty_are_found_and_the_rest_passes(
            n in 1usize..200,
            sets in prop::collection::vec(prop::collection::btree_set(0usize..200, 1..4), 0..4),
        ) {
            let sets: Vec<Vec<usize>> = sets.into_iter().map(|s| s.into_iter().map(|x| x % n).collect::<BTreeSet<_>>().into_iter().collect()).collect();
            let (dropped, asked) = sift(n, &sets);
            let all: BTreeSet<usize> = sets.iter().flatten().copied().collect();
            // Nobody innocent is dropped, and no guilty set is left whole.
            prop_assert!(dropped.is_subset(&all));
            prop_assert!(sets.iter().all(|s| s.iter().any(|x| dropped.contains(x))));
            let bits = usize::BITS - n.leading_zeros();
            prop_assert!(asked <= dropped.len() * (bits as usize + 1) + sets.len() + 1 + dropped.len());
        }

        #[test]
        fn answers_that_contradict_each_other_do_not_hang(seed: u64, n in 1usize..50) {
            let mut state = seed;
            let all: Vec<usize> = (0..n).collect();
            let found = minimal(&all, |_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                state >> 63 == 1
            });
            prop_assert!(!found.is_empty() && found.len() <= n);
        }
    }
}
