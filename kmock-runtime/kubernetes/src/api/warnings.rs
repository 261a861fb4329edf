//! How much a server warns of in one answer: `Warning` headers are bounded, or clients could not read the head.

use std::borrow::Cow;
use std::collections::HashSet;

/// The characters of all warnings of an answer; beyond them each is cut.
const MOST: usize = 4096;
/// The characters of one warning where there are too many.
const MOST_OF_ONE: usize = 256;

/// The warnings that are sent: each text once, none that is empty, and all cut short where they are too long together.
pub(super) fn limited(texts: &[String]) -> Vec<Cow<'_, str>> {
    let mut seen = HashSet::new();
    let told = texts
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty() && seen.insert(*text));
    let mut out: Vec<Cow<'_, str>> = Vec::new();
    let (mut written, mut cutting) = (0, false);
    for text in told {
        if cutting && written >= MOST {
            break;
        }
        let length = text.chars().count();
        if !cutting && written + length > MOST {
            // From here on each is cut, also those before.
            cutting = true;
            out = out.iter().map(|text| Cow::Owned(cut(text))).collect();
            written = out.iter().map(|text| text.chars().count()).sum();
        }
        if cutting {
            let text = cut(text);
            written += text.chars().count();
            out.push(Cow::Owned(text));
        } else {
            written += length;
            out.push(Cow::Borrowed(text));
        }
    }
    out
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_OF_ONE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(texts: &[String]) -> Vec<usize> {
        limited(texts)
            .iter()
            .map(|text| text.chars().count())
            .collect()
    }

    #[test]
    fn few_are_told_as_they_are_and_once() {
        let texts = ["a", "", "b", "a"].map(String::from);
        assert_eq!(limited(&texts), ["a", "b"]);
        assert_eq!(lengths(&["ä".repeat(4096)]), [4096]);
    }

    #[test]
    fn too_many_are_cut_and_end() {
        let texts: Vec<String> = (0..50)
            .map(|i| format!("{i:03}{}", "x".repeat(997)))
            .collect();
        assert_eq!(lengths(&texts), [256; 16]);
        let texts: Vec<String> = (0..225)
            .map(|i| format!("{i:03}{}", "x".repeat(82)))
            .collect();
        // Those that fit stay whole, since none is longer than a cut one.
        assert_eq!(lengths(&texts), [85; 49]);
    }
}
