//! What has changed of a spec, as the server shows it: a unified difference of its internal form.
//!
//! The lines are matched as Python's `difflib` does (of which the server uses a translation): the longest block
//! first, and lines that are everywhere in a long text do not count.

use std::collections::HashMap;

use serde_json::Value;

use crate::kinds::builtin::internal_form::indented;

const CONTEXT: usize = 3;
/// From so many lines on, frequent ones do not anchor a match.
const LONG: usize = 200;

/// The difference of two values of a type.
pub(super) fn of(ty: &str, old: &Value, new: &Value) -> String {
    unified(&indented(ty, old), &indented(ty, new))
}

/// A block that is the same in both texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    old: usize,
    new: usize,
    size: usize,
}

struct Matcher<'a> {
    old: &'a [String],
    new: &'a [String],
    places: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Matcher<'a> {
    fn of(old: &'a [String], new: &'a [String]) -> Self {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, line) in new.iter().enumerate() {
            places.entry(line).or_default().push(i);
        }
        if new.len() >= LONG {
            let most = new.len() / 100 + 1;
            places.retain(|_, at| at.len() <= most);
        }
        Self { old, new, places }
    }

    /// The longest block in a part of both texts, the first of its length.
    fn longest(&self, (from, to): (usize, usize), (new_from, new_to): (usize, usize)) -> Block {
        let mut best = Block {
            old: from,
            new: new_from,
            size: 0,
        };
        let mut lengths: HashMap<usize, usize> = HashMap::new();
        for i in from..to {
            let mut next = HashMap::new();
            let line = self.old.get(i).map(String::as_str).unwrap_or_default();
            for &j in self.places.get(line).into_iter().flatten() {
                if j < new_from {
                    continue;
                }
                if j >= new_to {
                    break;
                }
                let before = j.checked_sub(1).and_then(|j| lengths.get(&j));
                let size = before.copied().unwrap_or_default() + 1;
                next.insert(j, size);
                if size > best.size {
                    best = Block {
                        old: i + 1 - size,
                        new: j + 1 - size,
                        size,
                    };
                }
            }
            lengths = next;
        }
        // Frequent lines did not anchor the block, but they may extend it.
        while best.old > from
            && best.new > new_from
            && self.old.get(best.old - 1) == self.new.get(best.new - 1)
        {
            best.old -= 1;
            best.new -= 1;
            best.size += 1;
        }
        while best.old + best.size < to
            && best.new + best.size < new_to
            && self.old.get(best.old + best.size) == self.new.get(best.new + best.size)
        {
            best.size += 1;
        }
        best
    }

    /// All blocks in order, neighbours joined, with an empty one at the end.
    fn blocks(&self) -> Vec<Block> {
        let (old, new) = (self.old.len(), self.new.len());
        let mut waiting = vec![((0, old), (0, new))];
        let mut found = Vec::new();
        while let Some(((from, to), (new_from, new_to))) = waiting.pop() {
            let block = self.longest((from, to), (new_from, new_to));
            if block.size == 0 {
                continue;
            }
            found.push(block);
            if from < block.old && new_from < block.new {
                waiting.push(((from, block.old), (new_from, block.new)));
            }
            let (end, new_end) = (block.old + block.size, block.new + block.size);
            if end < to && new_end < new_to {
                waiting.push(((end, to), (new_end, new_to)));
            }
        }
        found.sort_unstable();
        let mut joined: Vec<Block> = Vec::new();
        for block in found {
            match joined.last_mut() {
                Some(last)
                    if last.old + last.size == block.old && last.new + last.size == block.new =>
                {
                    last.size += block.size;
                }
                _ => joined.push(block),
            }
        }
        joined.push(Block { old, new, size: 0 });
        joined
    }
}

/// A stretch of lines that are the same, or that replace each other.
#[derive(Clone, Copy)]
struct Stretch {
    same: bool,
    old: (usize, usize),
    new: (usize, usize),
}

fn stretches(blocks: &[Block]) -> Vec<Stretch> {
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::new();
    for block in blocks {
        if i < block.old || j < block.new {
            out.push(Stretch {
                same: false,
                old: (i, block.old),
                new: (j, block.new),
            });
        }
        (i, j) = (block.old + block.size, block.new + block.size);
        if block.size > 0 {
            out.push(Stretch {
                same: true,
                old: (block.old, i),
                new: (block.new, j),
            });
        }
    }
    out
}

/// Stretches in groups with a little context: what is far apart is shown apart.
fn groups(mut all: Vec<Stretch>) -> Vec<Vec<Stretch>> {
    if let Some(first) = all.first_mut().filter(|s| s.same) {
        first.old.0 = first.old.0.max(first.old.1.saturating_sub(CONTEXT));
        first.new.0 = first.new.0.max(first.new.1.saturating_sub(CONTEXT));
    }
    if let Some(last) = all.last_mut().filter(|s| s.same) {
        last.old.1 = last.old.1.min(last.old.0 + CONTEXT);
        last.new.1 = last.new.1.min(last.new.0 + CONTEXT);
    }
    let mut out = Vec::new();
    let mut group: Vec<Stretch> = Vec::new();
    for mut stretch in all {
        if stretch.same && stretch.old.1 - stretch.old.0 > 2 * CONTEXT {
            let mut head = stretch;
            head.old.1 = head.old.1.min(head.old.0 + CONTEXT);
            head.new.1 = head.new.1.min(head.new.0 + CONTEXT);
            group.push(head);
            out.push(std::mem::take(&mut group));
            stretch.old.0 = stretch.old.1.saturating_sub(CONTEXT);
            stretch.new.0 = stretch.new.1.saturating_sub(CONTEXT);
        }
        group.push(stretch);
    }
    out.push(group);
    out.retain(|group| group.iter().any(|stretch| !stretch.same));
    out
}

fn range(from: usize, to: usize) -> String {
    match to - from {
        0 => format!("{from},0"),
        1 => (from + 1).to_string(),
        length => format!("{},{length}", from + 1),
    }
}

fn unified(old: &[String], new: &[String]) -> String {
    let matcher = Matcher::of(old, new);
    let mut out = String::new();
    let mut put = |mark: char, lines: &[String], (from, to): (usize, usize)| {
        for line in lines.get(from..to).unwrap_or_default() {
            out.push(mark);
            out.push_str(line);
            out.push('\n');
        }
    };
    let mut heads = Vec::new();
    for group in groups(stretches(&matcher.blocks())) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        heads.push(format!(
            "@ -{} +{} @@",
            range(first.old.0, last.old.1),
            range(first.new.0, last.new.1)
        ));
        let head = heads.split_off(heads.len() - 1);
        put('@', &head, (0, 1));
        for stretch in group {
            if stretch.same {
                put(' ', old, stretch.old);
            } else {
                put('-', old, stretch.old);
                put('+', new, stretch.new);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn changes_stand_in_their_context() {
        let old = lines("a b c d e f g h i j k l m n");
        let new = lines("a b c X e f g h i j k l m");
        assert_eq!(
            unified(&old, &new),
            "@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+X\n e\n f\n g\n@@ -11,4 +11,3 @@\n k\n l\n m\n-n\n"
        );
        assert_eq!(unified(&old, &old), "");
    }
}
