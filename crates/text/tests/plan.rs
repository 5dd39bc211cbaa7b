//! Laws of the edit plan.

use proptest::prelude::*;
use surefix_text::{Assurance, ConflictKind, Edit, EditKind, EditPlan, FileId, Fix, Span, Tier};

const F: FileId = FileId(0);
const LEN: u32 = 24;

fn fix(edits: Vec<Edit>) -> Fix {
    Fix { title: String::new(), edits, assurance: Assurance::start(Tier::Preserving), needs: Vec::new() }
}

fn plan_of(fixes: &[(u32, Vec<Edit>)]) -> EditPlan {
    let mut plan = EditPlan::new();
    for (id, edits) in fixes {
        plan.offer(*id, &fix(edits.clone())).expect("no conflict");
    }
    plan
}

fn refused(first: Edit, second: Edit) -> Option<ConflictKind> {
    let mut plan = plan_of(&[(7, vec![first.clone()])]);
    let before = plan.clone();
    let result = plan.offer(9, &fix(vec![Edit::insert(F, 23, "z"), second.clone()]));
    match result {
        Ok(()) => None,
        Err(c) => {
            assert_eq!((c.fix, c.with, c.span, c.other, c.file), (9, 7, second.span, first.span, F));
            assert_eq!(plan, before, "a refused fix leaves no trace");
            Some(c.kind)
        }
    }
}

fn r(lo: u32, hi: u32, text: &str) -> Edit {
    Edit::replace(F, Span::new(lo, hi), text)
}

fn pin(lo: u32, hi: u32) -> Edit {
    Edit::pin(F, Span::new(lo, hi))
}

#[test]
fn pairs() {
    use ConflictKind::*;
    let table = [
        (r(2, 5, "a"), r(2, 5, "a"), None),
        (r(2, 5, "a"), r(2, 5, "b"), Some(Overlap)),
        (r(2, 5, "a"), r(4, 6, "a"), Some(Overlap)),
        (r(2, 5, "a"), r(1, 9, "a"), Some(Overlap)),
        (r(2, 5, "a"), r(3, 4, ""), Some(Overlap)),
        (r(2, 5, "a"), r(5, 6, "b"), None),
        (r(3, 3, "a"), r(3, 3, "a"), None),
        (r(3, 3, "a"), r(3, 3, "b"), Some(Insertions)),
        (r(2, 5, "a"), r(3, 3, "b"), Some(InsideReplaced)),
        (r(3, 3, "b"), r(2, 5, "a"), Some(InsideReplaced)),
        (r(2, 5, "a"), r(2, 2, "b"), None),
        (r(2, 5, "a"), r(5, 5, "b"), None),
        (r(5, 5, "b"), r(2, 5, "a"), None),
        (pin(2, 9), r(4, 5, "a"), Some(Pinned)),
        (pin(2, 9), r(8, 12, "a"), Some(Pinned)),
        (r(8, 12, "a"), pin(2, 9), Some(Pinned)),
        (pin(2, 9), r(4, 4, "a"), Some(Pinned)),
        (r(4, 4, "a"), pin(2, 9), Some(Pinned)),
        (pin(2, 9), r(9, 9, "a"), None),
        (pin(2, 9), r(9, 11, "a"), None),
        (pin(2, 9), pin(4, 5), None),
        (pin(4, 4), r(2, 5, "a"), Some(Pinned)),
        (pin(4, 4), r(4, 5, "a"), None),
    ];
    for (a, b, want) in table {
        assert_eq!(refused(a.clone(), b.clone()), want, "{a:?} then {b:?}");
    }
}

#[test]
fn a_long_pin_is_seen_behind_short_ones() {
    let plan = plan_of(&[(1, vec![pin(0, 20), pin(9, 10), pin(11, 12)])]);
    let mut p = plan.clone();
    assert!(p.offer(2, &fix(vec![r(13, 14, "")])).is_err());
    assert!(p.withdraw(1));
    p.offer(2, &fix(vec![r(13, 14, "")])).expect("the pin is gone");
}

#[test]
fn a_fix_at_odds_with_itself_is_refused() {
    let mut plan = EditPlan::new();
    let err = plan.offer(3, &fix(vec![r(0, 4, "x"), r(2, 6, "y")])).expect_err("overlap");
    assert_eq!((err.fix, err.with), (3, 3));
    let err = plan.offer(3, &fix(vec![Edit { span: Span { lo: 4, hi: 2 }, ..r(0, 0, "x") }])).expect_err("inverted");
    assert_eq!(err.kind, ConflictKind::Malformed);
    assert_eq!(plan, EditPlan::new());
}

#[test]
fn the_same_id_twice() {
    let mut plan = plan_of(&[(1, vec![r(0, 4, "x"), r(0, 4, "x")])]);
    plan.offer(1, &fix(vec![r(0, 4, "x")])).expect("same fix");
    assert_eq!(plan.offer(1, &fix(vec![])).expect_err("other edits").kind, ConflictKind::Reoffered);
    assert_eq!(plan.owners(F, Span::new(0, 4)), [1]);
}

#[test]
fn edits_beside_one_another_keep_their_places() {
    let plan = plan_of(&[(1, vec![r(0, 2, "AB"), r(2, 2, "|"), r(2, 4, "")]), (2, vec![r(2, 2, "|"), r(6, 6, "!")])]);
    assert_eq!(plan.apply(F, "abcdef").expect("fits"), "AB|ef!");
    assert_eq!(plan.owners(F, Span::point(2)), [1, 2]);
    assert_eq!(plan.map_offset(F, 4), 3);
    assert_eq!(plan.map_offset(F, 3), 3, "inside replaced text: the start of the replacement");
    assert_eq!(plan.offsets(F).span(Span::new(4, 6)), Some(Span::new(3, 5)), "the insertion at the edge stays out");
    assert_eq!(plan.offsets(F).span(Span::new(3, 6)), None);
}

#[test]
fn edits_that_do_not_fit_are_errors() {
    for edit in [r(2, 9, ""), r(1, 2, ""), r(0, 1, ""), r(9, 9, "x")] {
        let err = plan_of(&[(1, vec![edit.clone()])]).apply(F, "é\nx").expect_err("does not fit");
        assert_eq!(err.span, edit.span);
    }
}

#[test]
fn ten_thousand_fixes() {
    let mut plan = EditPlan::new();
    let import = r(0, 0, "import x\n");
    for i in 0..10_000u32 {
        let at = 10 + (i * 7919 % 10_000) * 4;
        let edits = vec![import.clone(), pin(2, 4), pin(at + 2, at + 4), r(at, at + 2, "yy")];
        plan.offer(i, &fix(edits)).expect("disjoint");
    }
    assert_eq!(plan.edits_of(F).len(), 10_001);
    let text = "x".repeat(40_010);
    assert_eq!(plan.apply(F, &text).expect("fits").len(), 40_019);
    for i in 0..10_000 {
        assert!(plan.withdraw(i));
    }
    assert_eq!(plan, EditPlan::new());
}

fn edit() -> impl Strategy<Value = Edit> {
    let span = prop_oneof![
        (0..LEN).prop_map(Span::point),
        (0..LEN, 1..5u32).prop_map(|(lo, n)| Span::new(lo, (lo + n).min(LEN)))
    ];
    (0..2u32, span, "[ab]{0,2}", prop::bool::weighted(0.2)).prop_map(|(file, span, text, pin)| match pin {
        true => Edit::pin(FileId(file), span),
        false => Edit::replace(FileId(file), span, text),
    })
}

fn offers() -> impl Strategy<Value = Vec<(u32, Vec<Edit>)>> {
    prop::collection::vec(prop::collection::vec(edit(), 1..4), 1..8)
        .prop_map(|v| v.into_iter().enumerate().map(|(i, e)| (i as u32, e)).collect())
}

/// Splices from the back, one edit at a time.
fn naive(text: &str, mut edits: Vec<Edit>) -> String {
    edits.retain(|e| e.kind == EditKind::Replace);
    edits.sort();
    edits.dedup();
    edits.sort_by_key(|e| e.span);
    let mut out = text.to_owned();
    for e in edits.iter().rev() {
        out.replace_range(e.span.lo as usize..e.span.hi as usize, &e.text);
    }
    out
}

fn accept(offers: &[(u32, Vec<Edit>)]) -> (EditPlan, Vec<(u32, Vec<Edit>)>) {
    let (mut plan, mut taken) = (EditPlan::new(), Vec::new());
    for (id, edits) in offers {
        let before = plan.clone();
        match plan.offer(*id, &fix(edits.clone())) {
            Ok(()) => taken.push((*id, edits.clone())),
            Err(_) => assert_eq!(plan, before, "a refused fix leaves no trace"),
        }
    }
    (plan, taken)
}

proptest! {
    #[test]
    fn order_does_not_matter_without_conflict(offers in offers(), seed in any::<u64>()) {
        let (plan, taken) = accept(&offers);
        let mut shuffled = taken.clone();
        shuffled.sort_by_key(|(id, _)| (u64::from(*id) + 1).wrapping_mul(seed | 1).rotate_left(17));
        for (_, edits) in &mut shuffled {
            edits.reverse();
        }
        prop_assert_eq!(plan_of(&shuffled), plan);
    }

    #[test]
    fn a_conflict_is_symmetric(a in edit(), b in edit()) {
        let (ab, _) = accept(&[(1, vec![a.clone()]), (2, vec![b.clone()])]);
        let (ba, _) = accept(&[(2, vec![b]), (1, vec![a])]);
        prop_assert_eq!(ab.fixes().count(), ba.fixes().count());
    }

    #[test]
    fn applying_equals_splicing(offers in offers()) {
        let text = "abcdefghijklmnopqrstuvwxyz";
        let (plan, taken) = accept(&offers);
        for file in [FileId(0), FileId(1)] {
            let edits = taken.iter().flat_map(|t| t.1.clone()).filter(|e| e.file == file).collect();
            prop_assert_eq!(plan.apply(file, text).expect("fits"), naive(text, edits));
        }
    }

    #[test]
    fn withdrawing_restores(offers in offers(), which in any::<prop::sample::Index>()) {
        let (mut plan, mut taken) = accept(&offers);
        prop_assume!(!taken.is_empty());
        let gone = which.index(taken.len());
        prop_assert!(plan.withdraw(taken[gone].0));
        prop_assert!(!plan.withdraw(taken[gone].0));
        taken.remove(gone);
        prop_assert_eq!(plan_of(&taken), plan);
    }

    #[test]
    fn kept_characters_are_found_again(offers in offers()) {
        let ascii = "ABCDEFGHIJKLMNOPQRSTUVWXY";
        let (plan, _) = accept(&offers);
        let new = plan.apply(F, ascii).expect("fits");
        let map = plan.offsets(F);
        for at in 0..ascii.len() as u32 {
            let one = Span::new(at, at + 1);
            let kept = !plan.edits_of(F).iter().any(|e| e.span.overlaps(one));
            prop_assert_eq!(map.span(one).is_some(), kept);
            if let Some(s) = map.span(one) {
                prop_assert_eq!(s.of(&new), one.of(ascii));
                prop_assert_eq!(map.offset(at), s.lo);
            }
        }
    }
}
