//! Finds the few rules that a request can be for.
//!
//! Rules that demand the same kinds of facts (a method and a path; a host; two segments of a path and a header) make a group,
//! in which they are looked up by a hash of these facts. A request costs one look-up for each group, and there are as many
//! groups as there are kinds of rules, not rules. Where a kind has only few rules, they are grouped by less, or not at all.
//!
//! Of an expression that may begin with anything (`.*/orders/\\d+`) it is known what its paths have somewhere: four bytes of
//! that, those that the fewest other rules have, too, are looked for at each place of a path.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use crate::{
    criteria::{END, Equals, Facts, Field, PathFact},
    request::Request,
};

/// Fewer rules than this are not worth a group: to ask them is as fast as to look them up.
const FEW: usize = 4;

/// How many keys of one request are looked up in one group, where a request has several values for a field.
const KEYS: usize = 64;

#[derive(Default)]
pub(super) struct Index {
    groups: Vec<Group>,
    /// The rules that are tried for every request.
    others: Vec<usize>,
}

/// Rules with the same kinds of facts.
struct Group {
    shape: Shape,
    by_key: HashMap<u64, Vec<usize>, BuildHasherDefault<AsItIs>>,
    all: Vec<usize>,
}

/// Kinds of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Shape {
    method: bool,
    path: PathShape,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum PathShape {
    #[default]
    Anything,
    /// Four bytes somewhere.
    Piece,
    /// The segments at these places, one bit each.
    Segments(u64),
    Whole,
}

/// Four bytes that a path has somewhere.
type Piece = [u8; 4];

/// How often rules with the same segments are asked in vain before a piece of the path is looked for instead.
const CROWD: usize = 8;

/// Of each rule the piece of its paths that the fewest rules have, and how many those are.
fn rarest(all: &[Facts<'_>]) -> Vec<Option<(Piece, usize)>> {
    let pieces = |facts: &Facts<'_>| -> Vec<Piece> {
        let texts = facts.pieces.iter();
        let fours = texts.flat_map(|text| text.windows(4));
        fours.filter_map(|four| four.try_into().ok()).collect()
    };
    let mut counts: HashMap<Piece, usize> = HashMap::new();
    for facts in all {
        let mut own = pieces(facts);
        own.sort_unstable();
        own.dedup();
        for piece in own {
            *counts.entry(piece).or_default() += 1;
        }
    }
    let counted = |piece: Piece| (piece, counts.get(&piece).copied().unwrap_or_default());
    all.iter()
        .map(|facts| {
            pieces(facts)
                .into_iter()
                .map(counted)
                .min_by_key(|(_, count)| *count)
        })
        .collect()
}

/// The pieces of a request's path, as it is meant and as it came.
fn pieces_of(request: &Request) -> impl Iterator<Item = Piece> {
    let (meant, came) = (request.meant_path(), request.url_path());
    let came = (meant != came).then_some(came);
    [Some(meant), came].into_iter().flatten().flat_map(|path| {
        let mut last = Piece::default();
        let bytes = path.bytes().chain([END]).enumerate();
        bytes.filter_map(move |(at, byte)| {
            last = [last[1], last[2], last[3], byte];
            (at >= 3).then_some(last)
        })
    })
}

impl Index {
    /// An index over rules by their places.
    pub(super) fn of(all: &[Facts<'_>]) -> Index {
        let mut shapes: Vec<Shape> = all.iter().map(Shape::of).collect();
        let rarest = rarest(all);
        let key = |shape: &Shape, at: usize| shape.key(&all[at], rarest[at]);
        let mut crowds: HashMap<(Shape, u64), usize> = HashMap::new();
        for (at, shape) in shapes.iter().enumerate() {
            let crowd = crowds.entry((shape.clone(), key(shape, at).0)).or_default();
            *crowd += 1;
        }
        for (at, shape) in shapes.iter_mut().enumerate() {
            let crowd = crowds.get(&(shape.clone(), key(shape, at).0));
            let crowd = crowd.copied().unwrap_or_default();
            if let Some((_, others)) = rarest[at]
                && shape.path != PathShape::Whole
                && shape.fields.is_empty()
                && crowd > CROWD.max(others)
            {
                shape.path = PathShape::Piece;
            }
        }
        // The most demanding ones first: what they leave over is counted with those that demand less.
        for fineness in (0..Shape::FINENESS).rev() {
            let count = members(&shapes);
            for shape in &mut shapes {
                if shape.fineness() == Some(fineness) && count(shape) < FEW {
                    *shape = shape.coarser();
                }
            }
        }
        let mut sorted: Vec<usize> = (0..shapes.len()).collect();
        sorted.sort_by(|a, b| shapes[*a].cmp(&shapes[*b]));
        let mut index = Index::default();
        for group in sorted.chunk_by(|a, b| shapes[*a] == shapes[*b]) {
            let shape = &shapes[group[0]];
            if shape.fineness().is_none() {
                index.others = group.to_vec();
                continue;
            }
            let mut made = Group {
                shape: shape.clone(),
                by_key: HashMap::default(),
                all: group.to_vec(),
            };
            for at in group {
                let key = key(shape, *at);
                made.by_key.entry(key.0).or_default().push(*at);
            }
            index.groups.push(made);
        }
        index
    }

    /// The rules that can match a request, in order.
    pub(super) fn find(&self, request: &Request) -> Found<'_> {
        let mut found = Found {
            first: &self.others,
            more: Vec::new(),
        };
        for group in &self.groups {
            group.find(request, &mut found);
        }
        found
    }
}

/// How many rules have a shape.
fn members(shapes: &[Shape]) -> impl Fn(&Shape) -> usize + use<> {
    let mut sorted = shapes.to_vec();
    sorted.sort();
    move |shape| {
        let from = sorted.partition_point(|one| one < shape);
        sorted[from..].partition_point(|one| one == shape)
    }
}

impl Group {
    fn find<'a>(&'a self, request: &Request, found: &mut Found<'a>) {
        let Some(key) = self.shape.key_of(request) else {
            return;
        };
        if self.shape.path == PathShape::Piece {
            for piece in pieces_of(request) {
                found.add(self.by_key.get(&key.piece(piece).0));
            }
            return;
        }
        if self.shape.fields.is_empty() {
            return found.add(self.by_key.get(&key.0));
        }
        let mut keys = vec![key];
        for field in &self.shape.fields {
            let values = field.values(request);
            let longer = |key: Key| values.iter().map(move |value| key.value(*value));
            keys = keys.into_iter().flat_map(longer).collect();
            if keys.len() > KEYS {
                return found.add(Some(&self.all));
            }
        }
        for key in keys {
            found.add(self.by_key.get(&key.0));
        }
    }
}

impl Shape {
    const FINENESS: usize = 4;

    fn of(facts: &Facts<'_>) -> Shape {
        Shape {
            method: facts.method.is_some(),
            path: match &facts.path {
                PathFact::Whole(_) => PathShape::Whole,
                PathFact::Segments(segments) => {
                    let places = segments.iter().filter(|(at, _)| *at < 64);
                    match places.fold(0, |bits, (at, _)| bits | 1 << at) {
                        0 => PathShape::Anything,
                        bits => PathShape::Segments(bits),
                    }
                }
                PathFact::Anything => PathShape::Anything,
            },
            fields: facts
                .fields
                .iter()
                .map(|(field, _)| field.clone())
                .collect(),
        }
    }

    /// How much there is to demand less; `None`: it demands nothing.
    fn fineness(&self) -> Option<usize> {
        match self.path {
            _ if !self.fields.is_empty() => Some(3),
            PathShape::Segments(bits) if bits.count_ones() > 1 => Some(2),
            PathShape::Anything => self.method.then_some(0),
            _ => Some(usize::from(self.method)),
        }
    }

    /// The next shape that demands less.
    fn coarser(&self) -> Shape {
        let mut less = Shape {
            fields: Vec::new(),
            ..*self
        };
        match (self.fineness(), self.path) {
            (Some(3), _) => {}
            (Some(2), PathShape::Segments(bits)) => {
                less.path = PathShape::Segments(1 << bits.trailing_zeros());
            }
            (Some(1), _) => less.method = false,
            _ => return Shape::default(),
        }
        less
    }

    /// The key of a rule that demands at least this.
    fn key(&self, facts: &Facts<'_>, rarest: Option<(Piece, usize)>) -> Key {
        let mut key = Key::default();
        if self.method {
            key = key.text(facts.method.unwrap_or_default());
        }
        match (self.path, &facts.path) {
            (PathShape::Whole, PathFact::Whole(path)) => key = key.text(path),
            (PathShape::Piece, _) => key = key.piece(rarest.unwrap_or_default().0),
            (PathShape::Segments(bits), PathFact::Segments(segments)) => {
                for (_, text) in segments.iter().filter(|(at, _)| has(bits, *at)) {
                    key = key.text(text);
                }
            }
            _ => {}
        }
        match self.fields.is_empty() {
            true => key,
            false => facts
                .fields
                .iter()
                .fold(key, |key, (_, value)| key.value(*value)),
        }
    }

    /// The same of a request, without the fields; `None`: no such rule can match it.
    fn key_of(&self, request: &Request) -> Option<Key> {
        let mut key = Key::default();
        if self.method {
            key = key.text(request.method().as_str());
        }
        match self.path {
            // Each piece makes a key of its own.
            PathShape::Anything | PathShape::Piece => {}
            PathShape::Whole => key = key.text(request.meant_path()),
            PathShape::Segments(bits) => {
                let mut missing = bits;
                let segments = request.meant_path().strip_prefix('/')?.split('/');
                for (at, text) in segments.enumerate().filter(|(at, _)| has(bits, *at)) {
                    key = key.text(text);
                    missing &= !(1 << at);
                }
                if missing != 0 {
                    return None;
                }
            }
        }
        Some(key)
    }
}

fn has(bits: u64, at: usize) -> bool {
    at < 64 && bits >> at & 1 == 1
}

/// A hash of facts. Where two are equal by chance, a rule is asked in vain.
#[derive(Clone, Copy, Default)]
struct Key(u64);

impl Key {
    fn text(self, text: &str) -> Key {
        let (eights, rest) = text.as_bytes().as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        let words = eights.iter().chain([&last]);
        words
            .fold(self, |key, word| key.word(u64::from_le_bytes(*word)))
            .word(text.len() as u64)
    }

    fn piece(self, piece: Piece) -> Key {
        self.word(u64::from(u32::from_le_bytes(piece)))
    }

    fn value(self, value: Equals<'_>) -> Key {
        match value {
            Equals::Text(text) => self.text(text),
            // Adding zero makes one of the two zeros.
            Equals::Number(number) => self.word((number + 0.0).to_bits()),
        }
    }

    /// A multiplication whose halves are folded: fast, and every bit counts.
    fn word(self, word: u64) -> Key {
        let product =
            u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        Key(product as u64 ^ (product >> 64) as u64)
    }
}

/// What is a hash already is not hashed again.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// The places of rules: several sorted lists, walked as one.
pub(super) struct Found<'a> {
    first: &'a [usize],
    /// Empty in most cases, which costs nothing.
    more: Vec<&'a [usize]>,
}

impl<'a> Found<'a> {
    fn add(&mut self, list: Option<&'a Vec<usize>>) {
        match list {
            Some(list) if self.first.is_empty() => self.first = list,
            Some(list) => self.more.push(list),
            None => {}
        }
    }
}

impl Iterator for Found<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.more.is_empty() {
            let (at, rest) = self.first.split_first()?;
            self.first = rest;
            return Some(*at);
        }
        let lists = std::iter::once(&self.first).chain(&self.more);
        let next = *lists.filter_map(|list| list.first()).min()?;
        // A list may be there twice, where a request has a value twice.
        for list in std::iter::once(&mut self.first).chain(&mut self.more) {
            if let Some(rest) = list.strip_prefix(&[next]) {
                *list = rest;
            }
        }
        Some(next)
    }
}
