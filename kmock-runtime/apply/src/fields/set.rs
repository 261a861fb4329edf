//! The set of fields, and its algebra.
//!
//! A set is a tree. A node's *members* are the steps that end there; its *children* are the steps below
//! which more members lie. A step can be both: `f:data` with `.` and `f:k`. Both lists are sorted, so that
//! every operation is one merge of sorted lists per node.

use std::cmp::Ordering;

use super::element::PathElement;
use crate::schema::Schema;

/// A set of fields. See the [module](super) for what that is.
///
/// ```
/// use kmock_apply::fields::Set;
///
/// let mine = Set::of_names(&[&["spec", "replicas"], &["metadata", "labels", "app"]]);
/// let yours = Set::of_names(&[&["spec", "replicas"]]);
/// assert_eq!(mine.intersection(&yours), yours);
/// assert_eq!(mine.difference(&yours), Set::of_names(&[&["metadata", "labels", "app"]]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    members: Vec<PathElement>,
    children: Vec<(PathElement, Set)>,
}

impl Set {
    /// The empty set.
    pub const fn new() -> Set {
        Set {
            members: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The set of some paths of named fields, e.g. `[&["metadata", "name"]]`.
    pub fn of_names(paths: &[&[&str]]) -> Set {
        let mut set = Set::new();
        for path in paths {
            let steps: Vec<PathElement> =
                path.iter().map(|name| PathElement::field(name)).collect();
            set.insert(&steps);
        }
        set
    }

    /// Adds a path. Its parents are not added; the empty path, the whole object, cannot be.
    pub fn insert(&mut self, path: &[PathElement]) {
        match path {
            [] => {}
            [last] => self.insert_member(last.clone()),
            [first, rest @ ..] => self.descend(first).insert(rest),
        }
    }

    pub(crate) fn insert_member(&mut self, step: PathElement) {
        if self.members.last().is_none_or(|last| *last < step) {
            self.members.push(step);
        } else if let Err(place) = self.members.binary_search(&step) {
            self.members.insert(place, step);
        }
    }

    /// Adds what lies below a step.
    pub(crate) fn insert_child(&mut self, step: PathElement, below: Set) {
        if below.is_empty() {
            return;
        }
        if self.children.last().is_none_or(|(last, _)| *last < step) {
            self.children.push((step, below));
            return;
        }
        match self
            .children
            .binary_search_by(|(known, _)| known.cmp(&step))
        {
            Ok(place) => {
                if let Some((_, known)) = self.children.get_mut(place) {
                    known.absorb(below);
                }
            }
            Err(place) => self.children.insert(place, (step, below)),
        }
    }

    /// Adds the fields of another set: as [`union`](Set::union), in place.
    pub(crate) fn absorb(&mut self, other: Set) {
        for step in other.members {
            self.insert_member(step);
        }
        for (step, below) in other.children {
            self.insert_child(step, below);
        }
    }

    fn descend(&mut self, step: &PathElement) -> &mut Set {
        let place = match self.children.binary_search_by(|(known, _)| known.cmp(step)) {
            Ok(place) => place,
            Err(place) => {
                self.children.insert(place, (step.clone(), Set::new()));
                place
            }
        };
        &mut self.children[place].1
    }

    /// The steps that end at this node, in order.
    pub fn members(&self) -> &[PathElement] {
        &self.members
    }

    /// The steps with more below, in order.
    pub fn children(&self) -> &[(PathElement, Set)] {
        &self.children
    }

    /// Whether a step ends at this node.
    pub fn has_member(&self, step: &PathElement) -> bool {
        self.members.binary_search(step).is_ok()
    }

    pub(crate) fn has_field(&self, name: &str) -> bool {
        self.members
            .binary_search_by(|step| step.cmp_field(name))
            .is_ok()
    }

    /// What lies below a step.
    pub fn below(&self, step: &PathElement) -> Option<&Set> {
        let place = self
            .children
            .binary_search_by(|(known, _)| known.cmp(step))
            .ok()?;
        self.children.get(place).map(|(_, set)| set)
    }

    pub(crate) fn below_field(&self, name: &str) -> Option<&Set> {
        let place = self
            .children
            .binary_search_by(|(known, _)| known.cmp_field(name))
            .ok()?;
        self.children.get(place).map(|(_, set)| set)
    }

    /// Whether the set has that path.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.has_member(last),
            [first, rest @ ..] => self.below(first).is_some_and(|below| below.has(rest)),
        }
    }

    /// Whether it has no member anywhere.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.iter().all(|(_, below)| below.is_empty())
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.members.len()
            + self
                .children
                .iter()
                .map(|(_, below)| below.len())
                .sum::<usize>()
    }

    /// All paths: at every node first the members, then what lies below.
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut out = Vec::with_capacity(self.len());
        self.collect_paths(&mut Vec::new(), &mut out);
        out
    }

    fn collect_paths(&self, prefix: &mut Vec<PathElement>, out: &mut Vec<Vec<PathElement>>) {
        for member in &self.members {
            let mut path = prefix.clone();
            path.push(member.clone());
            out.push(path);
        }
        for (step, below) in &self.children {
            prefix.push(step.clone());
            below.collect_paths(prefix, out);
            prefix.pop();
        }
    }

    /// The fields that are in either set.
    #[must_use]
    pub fn union(&self, other: &Set) -> Set {
        let mut out = Set::new();
        merge_sorted(&self.members, &other.members, PathElement::cmp, |a, b| {
            out.members.extend(a.or(b).cloned());
        });
        merge_sorted(&self.children, &other.children, by_step, |a, b| {
            match (a, b) {
                (Some((step, a)), Some((_, b))) => out.children.push((step.clone(), a.union(b))),
                (Some(only), None) | (None, Some(only)) => out.children.push(only.clone()),
                (None, None) => {}
            }
        });
        out
    }

    /// Whether some field is in both sets.
    pub(crate) fn overlaps(&self, other: &Set) -> bool {
        let mut found = false;
        merge_sorted(&self.members, &other.members, PathElement::cmp, |a, b| {
            found |= a.is_some() && b.is_some();
        });
        let mut below = |a: Option<&(_, Set)>, b: Option<&(_, Set)>| {
            if let (Some((_, a)), Some((_, b))) = (a, b) {
                found = found || a.overlaps(b);
            }
        };
        merge_sorted(&self.children, &other.children, by_step, &mut below);
        found
    }

    /// The fields that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Set) -> Set {
        let mut out = Set::new();
        merge_sorted(&self.members, &other.members, PathElement::cmp, |a, b| {
            if let (Some(step), Some(_)) = (a, b) {
                out.members.push(step.clone());
            }
        });
        merge_sorted(&self.children, &other.children, by_step, |a, b| {
            if let (Some((step, a)), Some((_, b))) = (a, b) {
                out.insert_child(step.clone(), a.intersection(b));
            }
        });
        out
    }

    /// The fields that are in this set and not in the other; a parent in the other does not take its children away.
    #[must_use]
    pub fn difference(&self, other: &Set) -> Set {
        let mut out = Set::new();
        merge_sorted(&self.members, &other.members, PathElement::cmp, |a, b| {
            if let (Some(step), None) = (a, b) {
                out.members.push(step.clone());
            }
        });
        merge_sorted(&self.children, &other.children, by_step, |a, b| {
            match (a, b) {
                (Some((step, a)), Some((_, b))) => out.insert_child(step.clone(), a.difference(b)),
                (Some(only), None) => out.children.push(only.clone()),
                _ => {}
            }
        });
        out
    }

    /// Takes out the fields of another set: as [`difference`](Set::difference), in place.
    pub(crate) fn subtract(&mut self, other: &Set) {
        self.take_out(other, false);
    }

    /// The same, with all below them: as [`recursive_difference`](Set::recursive_difference), in place.
    pub(crate) fn subtract_recursively(&mut self, other: &Set) {
        self.take_out(other, true);
    }

    fn take_out(&mut self, other: &Set, with_below: bool) {
        if !other.members.is_empty() {
            self.members.retain(|step| !other.has_member(step));
        }
        self.children.retain_mut(|(step, own)| {
            if with_below && other.has_member(step) {
                return false;
            }
            match other.below(step) {
                Some(below) => {
                    own.take_out(below, with_below);
                    !own.is_empty()
                }
                None => true,
            }
        });
    }

    /// The fields that are in this set, and neither in the other nor below one of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &Set) -> Set {
        let mut out = Set::new();
        merge_sorted(&self.members, &other.members, PathElement::cmp, |a, b| {
            if let (Some(step), None) = (a, b) {
                out.members.push(step.clone());
            }
        });
        merge_sorted(&self.children, &other.children, by_step, |a, b| {
            match (a, b) {
                (Some((step, _)), _) if other.has_member(step) => {}
                (Some((step, a)), Some((_, b))) => {
                    out.insert_child(step.clone(), a.recursive_difference(b));
                }
                (Some(only), None) => out.children.push(only.clone()),
                _ => {}
            }
        });
        out
    }

    /// The fields that are in this set and not in `other.with_named_parents(schema)`.
    #[must_use]
    pub fn difference_named(&self, other: &Set, schema: Option<&Schema>) -> Set {
        let mut out = Set::new();
        for step in &self.members {
            let is_declared = match (step, schema) {
                (PathElement::Field(name), Some(schema)) => schema.property(name).is_some(),
                _ => false,
            };
            if !(other.has_member(step) || is_declared && other.below(step).is_some()) {
                out.members.push(step.clone());
            }
        }
        merge_sorted(&self.children, &other.children, by_step, |a, b| {
            match (a, b) {
                (Some((step, a)), Some((_, b))) => {
                    let of_step = match (step, schema) {
                        (PathElement::Field(name), Some(schema)) => schema.field(name),
                        (PathElement::Key(_), Some(schema)) => Some(schema.items()),
                        _ => None,
                    };
                    out.insert_child(step.clone(), a.difference_named(b, of_step));
                }
                (Some(only), None) => out.children.push(only.clone()),
                _ => {}
            }
        });
        out
    }

    /// The set with every declared field that has members below it: `a.b` gains `a` when the schema declares it.
    ///
    /// Sets do not name such fields; removal needs them named, lest it leave empty objects behind.
    #[must_use]
    pub fn with_named_parents(&self, schema: Option<&Schema>) -> Set {
        let mut out = Set {
            members: self.members.clone(),
            children: Vec::with_capacity(self.children.len()),
        };
        for (step, below) in &self.children {
            let of_step = match (step, schema) {
                (PathElement::Field(name), Some(schema)) => {
                    if schema.property(name).is_some() {
                        out.insert_member(step.clone());
                    }
                    schema.field(name)
                }
                (PathElement::Key(_), Some(schema)) => Some(schema.items()),
                _ => None,
            };
            out.children
                .push((step.clone(), below.with_named_parents(of_step)));
        }
        out
    }
}

fn by_step(a: &(PathElement, Set), b: &(PathElement, Set)) -> Ordering {
    a.0.cmp(&b.0)
}

/// Walks two sorted lists together.
fn merge_sorted<'a, T>(
    a: &'a [T],
    b: &'a [T],
    order: impl Fn(&T, &T) -> Ordering,
    mut each: impl FnMut(Option<&'a T>, Option<&'a T>),
) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => order(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        match order {
            Ordering::Less => each(a.next(), None),
            Ordering::Greater => each(None, b.next()),
            Ordering::Equal => each(a.next(), b.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algebra() {
        let a = Set::of_names(&[&["a"], &["b", "c"], &["b", "d"]]);
        let b = Set::of_names(&[&["a"], &["b"], &["b", "c"], &["e"]]);
        assert_eq!(
            a.union(&b),
            Set::of_names(&[&["a"], &["b"], &["b", "c"], &["b", "d"], &["e"]])
        );
        assert_eq!(a.intersection(&b), Set::of_names(&[&["a"], &["b", "c"]]));
        assert_eq!(a.difference(&b), Set::of_names(&[&["b", "d"]]));
        assert_eq!(a.recursive_difference(&b), Set::new());
        assert_eq!(b.difference(&a), Set::of_names(&[&["b"], &["e"]]));
        assert_eq!((a.len(), a.difference(&a).is_empty()), (3, true));
        for (one, other) in [(&a, &b), (&b, &a), (&a, &a)] {
            let mut left = one.clone();
            left.subtract(other);
            assert_eq!(left, one.difference(other));
            let mut left = one.clone();
            left.subtract_recursively(other);
            assert_eq!(left, one.recursive_difference(other));
            let mut both = one.clone();
            both.absorb(other.clone());
            assert_eq!(both, one.union(other));
            assert_eq!(one.overlaps(other), !one.intersection(other).is_empty());
        }
        let (c, d) = (
            Set::of_names(&[&["b"], &["x"]]),
            Set::of_names(&[&["b", "c"]]),
        );
        assert!(!c.overlaps(&d) && c.intersection(&d).is_empty());
    }

    #[test]
    fn declared_parents_are_named() {
        let deployment = Schema::of_kind("apps", "v1", "Deployment");
        let set = Set::of_names(&[&["spec", "replicas"], &["metadata", "labels", "a"]])
            .with_named_parents(deployment);
        for path in [&["spec"][..], &["metadata"], &["metadata", "labels"]] {
            let path: Vec<PathElement> = path.iter().map(|name| PathElement::field(name)).collect();
            assert!(set.has(&path));
        }
    }
}
