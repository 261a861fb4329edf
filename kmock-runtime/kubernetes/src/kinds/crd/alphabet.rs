//! Large patterns on a small alphabet.
//!
//! `^[\p{L}\p{N}]{1,1000}$` is a thousand times over an automaton that reads the UTF-8 of a hundred thousand letters: a second of
//! work, and a hundred megabytes. Yet all that the pattern tells apart are these letters and the rest. So a text is read as one byte
//! for each character, which says of what sort it is; and the pattern is written for such bytes, where a class is a byte or two.

use std::collections::{BTreeSet, HashMap};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
    Repetition,
};

use super::pattern::{NESTS, SIZE_LIMIT};

/// Patterns that weigh less are compiled as they are.
const HEAVY: usize = 4_000;
/// So many classes are told apart at most.
const CLASSES: usize = 128;

/// A pattern for the sorts of characters that it tells apart.
#[derive(Debug)]
pub(crate) struct Lettered {
    /// From which characters on which sort follows.
    sorts: Vec<(u32, u8)>,
    regex: Regex,
}

impl Lettered {
    /// A pattern that is heavy as it is, but can be put this way.
    pub(super) fn of(translated: &str) -> Option<Self> {
        let mut parser = regex_syntax::ParserBuilder::new().nest_limit(NESTS).build();
        let hir = parser.parse(translated).ok()?;
        if weight(&hir) < HEAVY {
            return None;
        }
        let mut classes = Vec::new();
        collect(&hir, &mut classes)?;
        let alphabet = Alphabet::of(&classes)?;
        let rewritten = alphabet.rewrite(&hir)?;
        let regex = RegexBuilder::new(&rewritten.to_string())
            .unicode(false)
            .size_limit(SIZE_LIMIT)
            .nest_limit(NESTS)
            .build()
            .ok()?;
        Some(Self {
            sorts: alphabet.sorts,
            regex,
        })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(&self.sorts_of(text))
    }

    /// The pieces that fit. A character is a byte for the pattern: so many of them are skipped, and taken.
    #[cfg(any(feature = "cel", test))]
    pub(super) fn pieces<'t>(&self, text: &'t str, most: usize) -> Vec<&'t str> {
        let sorts = self.sorts_of(text);
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        // The character that comes next, and where it is.
        let (mut character, mut place) = (0, ends.next());
        let mut place_of = |wanted: usize| {
            while character < wanted {
                place = ends.next();
                character += 1;
            }
            place
        };
        let found = self.regex.find_iter(&sorts).take(most);
        found
            .filter_map(|one| text.get(place_of(one.start())?..place_of(one.end())?))
            .collect()
    }

    fn sorts_of(&self, text: &str) -> Vec<u8> {
        text.chars().map(|c| sort(&self.sorts, c.into())).collect()
    }
}

/// The sort of a character.
fn sort(sorts: &[(u32, u8)], character: u32) -> u8 {
    let behind = sorts.partition_point(|(from, _)| *from <= character);
    let found = behind.checked_sub(1).and_then(|at| sorts.get(at));
    found.map_or(0, |(_, sort)| *sort)
}

/// How large the automaton gets, roughly: ranges of characters beyond ASCII, as often as they are repeated.
fn weight(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => class.ranges().len() + 2,
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 1,
        HirKind::Repetition(Repetition { min, max, sub, .. }) => {
            let times = max.unwrap_or(*min).max(1) as usize;
            weight(sub).saturating_mul(times)
        }
        HirKind::Capture(capture) => weight(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
            .iter()
            .fold(0, |sum, part| weight(part).saturating_add(sum)),
    }
}

fn just(c: char) -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new(c, c)])
}

fn unicode(class: &Class) -> Option<ClassUnicode> {
    match class {
        Class::Unicode(class) => Some(class.clone()),
        Class::Bytes(class) => class.to_unicode_class(),
    }
}

/// The classes of a pattern, each once. `None`: it looks at more than characters, such as the ends of words.
fn collect(hir: &Hir, classes: &mut Vec<ClassUnicode>) -> Option<()> {
    let mut add = |class: ClassUnicode| {
        if !classes.contains(&class) {
            classes.push(class);
        }
        (classes.len() <= CLASSES).then_some(())
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::End) => Some(()),
        HirKind::Look(_) => None,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0)
            .ok()?
            .chars()
            .try_for_each(|c| add(just(c))),
        HirKind::Class(class) => add(unicode(class)?),
        HirKind::Repetition(repetition) => collect(&repetition.sub, classes),
        HirKind::Capture(capture) => collect(&capture.sub, classes),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().try_for_each(|part| collect(part, classes))
        }
    }
}

/// The sorts of characters, and which of them belong to which class.
struct Alphabet {
    sorts: Vec<(u32, u8)>,
    /// Of each sort, the classes that have it, as their places in the list.
    members: Vec<Vec<bool>>,
    classes: HashMap<Vec<(char, char)>, usize>,
}

fn ranges(class: &ClassUnicode) -> Vec<(char, char)> {
    let ranges = class.ranges().iter();
    ranges.map(|range| (range.start(), range.end())).collect()
}

impl Alphabet {
    /// `None`: there are more sorts than bytes.
    fn of(classes: &[ClassUnicode]) -> Option<Self> {
        let ranges: Vec<Vec<(char, char)>> = classes.iter().map(ranges).collect();
        let mut bounds = BTreeSet::from([0]);
        for (first, last) in ranges.iter().flatten() {
            bounds.extend([u32::from(*first), u32::from(*last) + 1]);
        }
        let mut known: HashMap<Vec<bool>, u8> = HashMap::new();
        let mut members = Vec::new();
        let mut sorts = Vec::with_capacity(bounds.len());
        for from in bounds {
            let within = |ranges: &Vec<(char, char)>| {
                let behind = ranges.partition_point(|(first, _)| u32::from(*first) <= from);
                let last = behind.checked_sub(1).and_then(|at| ranges.get(at));
                last.is_some_and(|(_, last)| from <= u32::from(*last))
            };
            let of: Vec<bool> = ranges.iter().map(within).collect();
            let next = u8::try_from(members.len());
            let sort = match known.get(&of) {
                Some(sort) => *sort,
                None => {
                    members.push(of.clone());
                    *known.entry(of).or_insert(next.ok()?)
                }
            };
            sorts.push((from, sort));
        }
        let numbered = ranges.into_iter().enumerate();
        Some(Self {
            sorts,
            members,
            classes: numbered.map(|(at, ranges)| (ranges, at)).collect(),
        })
    }

    /// The class of the sorts that a class has.
    fn class(&self, class: &ClassUnicode) -> Option<Hir> {
        let at = *self.classes.get(&ranges(class))?;
        let has = |members: &Vec<bool>| members.get(at).copied().unwrap_or_default();
        let sorts = self.members.iter().zip(0..=u8::MAX);
        let sorts = sorts.filter(|(members, _)| has(members));
        let sorts = sorts.map(|(_, sort)| ClassBytesRange::new(sort, sort));
        Some(Hir::class(Class::Bytes(ClassBytes::new(sorts))))
    }

    fn rewrite(&self, hir: &Hir) -> Option<Hir> {
        let all = |parts: &[Hir]| -> Option<Vec<Hir>> {
            parts.iter().map(|part| self.rewrite(part)).collect()
        };
        Some(match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => hir.clone(),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).ok()?;
                let letters = text.chars().map(|c| self.class(&just(c)));
                Hir::concat(letters.collect::<Option<Vec<Hir>>>()?)
            }
            HirKind::Class(class) => self.class(&unicode(class)?)?,
            HirKind::Repetition(repetition) => Hir::repetition(Repetition {
                sub: Box::new(self.rewrite(&repetition.sub)?),
                ..repetition.clone()
            }),
            // Nobody asks for groups here.
            HirKind::Capture(capture) => self.rewrite(&capture.sub)?,
            HirKind::Concat(parts) => Hir::concat(all(parts)?),
            HirKind::Alternation(parts) => Hir::alternation(all(parts)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns that are heavy, with texts that fit and texts that do not.
    const HEAVY_ONES: [(&str, &[&str], &[&str]); 5] = [
        (
            r"^[\p{L}\p{N}]{1,1000}$",
            &["a", "é9", "漢字٤", "x\u{10400}"],
            &["", "a b", "é!", "🦀", "a\n"],
        ),
        (
            r"[\p{L}]{3,900}-(?:ß|[\d]){2}",
            &["…abc-ß1…", "äöü-00"],
            &["ab-11", "abc-1", "abc-x1"],
        ),
        (
            r"^(?i)k[^\p{L}]{2,800}|(\p{Greek}|é){1,500}$",
            &["K12", "\u{212a}--", "xxαé", "é"],
            &["k1", "kab", "xx", ""],
        ),
        (r"^\p{L}{600}$", &[], &["a", "漢"]),
        (r"^(\p{L}{0,100}){0,10}x?$", &["", "漢x", "x"], &["1", "x1"]),
    ];

    #[test]
    fn a_heavy_pattern_fits_the_same_texts_as_it_is() {
        for (pattern, fitting, others) in HEAVY_ONES {
            let lettered = Lettered::of(pattern).unwrap_or_else(|| panic!("{pattern} is heavy"));
            let plain = pattern.replace("000}", "0}").replace("00}", "0}");
            for (texts, fits) in [(fitting, true), (others, false)] {
                for text in texts {
                    assert_eq!(lettered.is_match(text), fits, "{pattern} and {text:?}");
                    let plain = regex::Regex::new(&plain).expect("a pattern");
                    assert_eq!(plain.is_match(text), fits, "{plain} and {text:?}");
                }
            }
        }
        let letters = "é".repeat(600);
        let exactly = Lettered::of(r"^\p{L}{600}$").expect("a heavy one");
        assert!(exactly.is_match(&letters) && !exactly.is_match(&format!("{letters}é")));
    }

    #[test]
    fn what_is_light_or_looks_at_words_is_left_as_it_is() {
        assert!(Lettered::of(r"^\p{L}{1,3}$").is_none());
        assert!(Lettered::of(r"^[a-z]{1,1000}$").is_none());
        assert!(Lettered::of(r"(?-u:\b)\p{L}{1,1000}").is_none());
        assert!(Lettered::of(r"(?m)^\p{L}{1,1000}").is_none());
    }
}
