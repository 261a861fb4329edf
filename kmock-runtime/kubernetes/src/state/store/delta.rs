//! Texts that are told by what differs from another one.
//!
//! Objects of one sort say nearly the same: the Pods of a Deployment differ in a name, a uid, two addresses. Ten of
//! their texts take little more room than one. A text that resembles no other stays whole.

use std::collections::VecDeque;

use bytes::Bytes;

/// So many texts are tried as bases of a new one.
const BASES: usize = 8;

/// What takes more than this share of a text is no gain.
const SHARE: usize = 4;

/// Shorter texts stay whole.
const SHORTEST: usize = 256;

/// So much more than its share may a text take at its beginning before it is given up.
const SLACK: usize = 64;

/// A text: whole, or beside another one.
#[derive(Debug)]
pub(super) enum Packed {
    Whole(Bytes),
    Beside { base: Bytes, steps: Box<[u8]> },
}

/// Whole texts of which others may be told, the one that was of use last in front.
#[derive(Debug, Default)]
pub(super) struct Bases {
    texts: VecDeque<Bytes>,
    /// Where texts and steps are written first: most of what comes of them is short.
    text: Vec<u8>,
    steps: Vec<u8>,
}

impl Bases {
    /// Packs what `write` writes, if it says so; the text may be a base from now on.
    pub(super) fn pack(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Packed> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let packed = write(&mut text).then(|| self.pack_text(&text));
        self.text = text;
        packed
    }

    fn pack_text(&mut self, text: &[u8]) -> Packed {
        if text.len() < SHORTEST {
            return Packed::Whole(Bytes::copy_from_slice(text));
        }
        for at in 0..self.texts.len() {
            let Some(base) = self.texts.get(at) else {
                break;
            };
            if !steps(base, text, &mut self.steps) {
                continue;
            }
            let base = base.clone();
            if at > 0 {
                self.texts.remove(at);
                self.texts.push_front(base.clone());
            }
            let steps = self.steps.as_slice().into();
            return Packed::Beside { base, steps };
        }
        let whole = Bytes::copy_from_slice(text);
        self.texts.truncate(BASES - 1);
        self.texts.push_front(whole.clone());
        Packed::Whole(whole)
    }
}

impl Packed {
    /// The text.
    pub(super) fn text(&self) -> Bytes {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Beside { base, steps } => retold(base, steps).into(),
        }
    }

    /// The bytes of its own.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Whole(text) => text.len(),
            Self::Beside { steps, .. } => steps.len(),
        }
    }
}

/// How to get from one text to another: so many bytes are the same, so many of the base are left out, so many others
/// come instead, and again. `false`: that takes too much room.
fn steps(base: &[u8], text: &[u8], steps: &mut Vec<u8>) -> bool {
    let most = text.len() / SHARE;
    steps.clear();
    let (mut old, mut new) = (base, text);
    loop {
        let same = common(old, new);
        old = old.get(same..).unwrap_or_default();
        new = new.get(same..).unwrap_or_default();
        if old.is_empty() && new.is_empty() {
            write(steps, same);
            return true;
        }
        let (gone, come) = match (old.is_empty(), new.is_empty()) {
            (false, false) => (word(old), word(new)),
            _ => (old.len(), new.len()),
        };
        let (instead, rest) = new.split_at(come.min(new.len()));
        write(steps, same);
        write(steps, gone);
        write(steps, come);
        steps.extend_from_slice(instead);
        old = old.get(gone..).unwrap_or_default();
        new = rest;
        let so_far = (text.len() - new.len()) / SHARE;
        if steps.len() > most.min(so_far + SLACK) {
            return false;
        }
    }
}

/// How many bytes two texts begin with.
fn common(one: &[u8], other: &[u8]) -> usize {
    // Eight at a time, as one number.
    let (some, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    let chunks = some.iter().zip(others);
    let same = 8 * chunks
        .take_while(|(a, b)| u64::from_ne_bytes(**a) == u64::from_ne_bytes(**b))
        .count();
    let rest = one.iter().zip(other).skip(same);
    same + rest.take_while(|(a, b)| a == b).count()
}

/// How far it is to the end of a scalar; at least one byte.
fn word(text: &[u8]) -> usize {
    let end = text
        .iter()
        .position(|byte| matches!(byte, b'"' | b',' | b'}' | b']'));
    end.unwrap_or(text.len()).max(1)
}

fn retold(base: &[u8], mut steps: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(base.len() + steps.len());
    let mut old = base;
    while !steps.is_empty() {
        let same = read(&mut steps);
        let (kept, rest) = old.split_at(same.min(old.len()));
        text.extend_from_slice(kept);
        if steps.is_empty() {
            break;
        }
        let (gone, come) = (read(&mut steps), read(&mut steps));
        old = rest.get(gone..).unwrap_or_default();
        let (instead, rest) = steps.split_at(come.min(steps.len()));
        text.extend_from_slice(instead);
        steps = rest;
    }
    text
}

/// Seven bits a byte, the lowest first; the last one has no eighth.
fn write(steps: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            steps.push(low);
            return;
        }
        steps.push(low | 0x80);
    }
}

fn read(steps: &mut &[u8]) -> usize {
    let mut number = 0;
    let mut shift = 0;
    while let Some((byte, rest)) = steps.split_first() {
        *steps = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(bases: &mut Bases, text: &[u8]) -> Packed {
        let packed = bases.pack(|out| {
            out.extend_from_slice(text);
            true
        });
        packed.expect("it was written")
    }

    fn pod(number: usize) -> Vec<u8> {
        let filler = "x".repeat(400);
        let text = format!(
            r#"{{"metadata":{{"name":"web-{number}","uid":"{:x}"}},"spec":{{"n":{number},"x":"{filler}"}}}}"#,
            number * 7_919
        );
        text.into_bytes()
    }

    #[test]
    fn alike_texts_take_little_room() {
        let mut bases = Bases::default();
        let sizes: Vec<usize> = (0..1000)
            .map(|number| {
                let packed = pack(&mut bases, &pod(number));
                assert_eq!(packed.text(), pod(number));
                packed.size()
            })
            .collect();
        assert!(sizes.first() > Some(&400));
        assert!(sizes.iter().skip(1).all(|size| *size < 40), "{sizes:?}");
    }

    #[test]
    fn kinds_of_texts_have_a_base_each() {
        let mut bases = Bases::default();
        for round in 0..10 {
            for kind in 0..BASES {
                let letter = b'a' + u8::try_from(kind).expect("a few");
                let letters = [letter].repeat(500);
                let text = [pod(round), letters].concat();
                let packed = pack(&mut bases, &text);
                assert_eq!(packed.text(), text);
                assert_eq!(matches!(packed, Packed::Whole(_)), round == 0);
            }
        }
    }

    /// Whatever two texts are, what comes back is the text.
    #[test]
    fn nothing_is_lost() {
        let mut seed: u64 = 1;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap_or_default() % below.max(1)
        };
        for _ in 0..2_000 {
            let base = pod(draw(1000));
            let mut text = base.clone();
            for _ in 0..draw(8) {
                let at = draw(text.len());
                match draw(4) {
                    0 => text.truncate(at),
                    1 => text.insert(at, b"\",}]a0"[draw(6)]),
                    2 => drop(text.drain(at..(at + draw(20)).min(text.len()))),
                    _ => text.extend(pod(draw(10))),
                }
            }
            let mut told = Vec::new();
            if steps(&base, &text, &mut told) {
                assert_eq!(retold(&base, &told), text);
                assert!(told.len() <= text.len() / SHARE + 3);
            }
            let mut bases = Bases::default();
            for text in [&base, &text, &base] {
                assert_eq!(pack(&mut bases, text).text(), *text);
            }
        }
    }
}
