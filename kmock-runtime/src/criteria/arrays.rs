//! How the patterns of an array are laid over its items.

use std::ops::Range;

use crate::criteria::Pattern;

/// Where the runs of items are in an array: the first one at its start, the last one at its end, the others between them in
/// order. A single run is all of it. `None`: they are not.
pub(super) fn places(
    runs: &[Vec<Pattern>],
    length: usize,
    fits: impl Fn(&Pattern, usize) -> bool,
) -> Option<Vec<usize>> {
    let all = |run: &[Pattern], at: usize| run.iter().zip(at..).all(|(one, at)| fits(one, at));
    let (last, before) = runs.split_last()?;
    let Some((first, between)) = before.split_first() else {
        return (last.len() == length && all(last, 0)).then(|| vec![0]);
    };
    let end = length.checked_sub(last.len())?;
    if first.len() > end || !all(first, 0) || !all(last, end) {
        return None;
    }
    let mut found = vec![0];
    let mut free = first.len();
    for run in between {
        let mut tried: Range<usize> = free..(end + 1).saturating_sub(run.len()).max(free);
        let at = tried.find(|at| all(run, *at))?;
        found.push(at);
        free = at + run.len();
    }
    found.push(end);
    Some(found)
}

/// For each of the patterns an item of its own, in any order; `None` for those that are left without one.
pub(super) fn partners(
    patterns: &[Pattern],
    length: usize,
    fits: impl Fn(&Pattern, usize) -> bool,
) -> Vec<Option<usize>> {
    let fitting: Vec<Vec<usize>> = patterns
        .iter()
        .map(|one| (0..length).filter(|at| fits(one, *at)).collect())
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; length];
    for pattern in 0..patterns.len() {
        find_partner(pattern, &fitting, &mut taken, &mut vec![false; length]);
    }
    let of = |pattern| taken.iter().position(|by| *by == Some(pattern));
    (0..patterns.len()).map(of).collect()
}

/// An item for one more pattern; those that have one may move to another (augmenting paths of bipartite matching).
fn find_partner(
    pattern: usize,
    fitting: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    fitting[pattern].iter().any(|&item| {
        if std::mem::replace(&mut tried[item], true) {
            return false;
        }
        let free = taken[item].is_none_or(|other| find_partner(other, fitting, taken, tried));
        if free {
            taken[item] = Some(pattern);
        }
        free
    })
}
