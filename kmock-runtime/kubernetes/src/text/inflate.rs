//! DEFLATE (RFC 1951) with a dictionary: the headers of SPDY, which come in pieces of one stream.

use std::collections::VecDeque;

/// So far back a text may refer.
const WINDOW: usize = 32 << 10;

/// The longest text that one piece may become.
const LONGEST: usize = 1 << 20;

/// It is no DEFLATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// A stream that is inflated piece by piece; each ends at the end of a byte, as a sync flush has it.
#[derive(Debug, Default)]
pub struct Inflate {
    window: VecDeque<u8>,
}

struct Bits<'a> {
    input: &'a [u8],
    held: u32,
    count: u32,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Result<u32, Broken> {
        while self.count < count {
            let (byte, rest) = self.input.split_first().ok_or(Broken)?;
            self.held |= u32::from(*byte) << self.count;
            self.count += 8;
            self.input = rest;
        }
        let bits = self.held & ((1 << count) - 1);
        self.held >>= count;
        self.count -= count;
        Ok(bits)
    }

    fn align(&mut self) {
        (self.held, self.count) = (0, 0);
    }
}

/// A Huffman code: how many words there are of each length, and the symbols in the order of their words.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Code {
        let mut counts = [0; 16];
        for length in lengths {
            if let Some(count) = counts.get_mut(usize::from(*length)) {
                *count += 1;
            }
        }
        let mut symbols = Vec::with_capacity(lengths.len());
        for wanted in 1..16 {
            let of_length = lengths
                .iter()
                .enumerate()
                .filter(|(_, length)| **length == wanted);
            symbols.extend(of_length.map(|(symbol, _)| symbol as u16));
        }
        Code { counts, symbols }
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Result<u16, Broken> {
        let (mut word, mut first, mut index) = (0, 0, 0);
        for count in self.counts.iter().skip(1) {
            word |= bits.take(1)?;
            let count = u32::from(*count);
            if word < first + count {
                let at = index + (word - first);
                return self.symbols.get(at as usize).copied().ok_or(Broken);
            }
            index += count;
            first = (first + count) << 1;
            word <<= 1;
        }
        Err(Broken)
    }
}

/// The base and the extra bits of a length or a distance, by its symbol: each group of so many symbols has one bit more.
fn ranged(symbol: u32, group: u32, first: u32) -> (u32, u32) {
    if symbol < group * 2 {
        return (first + symbol, 0);
    }
    let extra = symbol / group - 1;
    (first + ((group + symbol % group) << extra), extra)
}

impl Inflate {
    /// A stream that may refer to this text from its start.
    pub fn with_dictionary(dictionary: &[u8]) -> Self {
        Self {
            window: dictionary.iter().copied().collect(),
        }
    }

    /// Inflates a piece.
    pub fn inflate(&mut self, piece: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut bits = Bits {
            input: piece,
            held: 0,
            count: 0,
        };
        let mut out = Vec::new();
        while !bits.input.is_empty() || bits.count >= 3 {
            let last = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => self.stored(&mut bits, &mut out)?,
                1 => {
                    let lengths: Vec<u8> = (0..288)
                        .map(|symbol| match symbol {
                            0..144 => 8,
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    let (literals, distances) = (Code::new(&lengths), Code::new(&[5; 30]));
                    self.coded(&mut bits, &literals, &distances, &mut out)?;
                }
                2 => {
                    let (literals, distances) = codes(&mut bits)?;
                    self.coded(&mut bits, &literals, &distances, &mut out)?;
                }
                _ => return Err(Broken),
            }
            if last {
                break;
            }
        }
        Ok(out)
    }

    fn put(&mut self, byte: u8, out: &mut Vec<u8>) -> Result<(), Broken> {
        if out.len() >= LONGEST {
            return Err(Broken);
        }
        if self.window.len() >= WINDOW {
            self.window.pop_front();
        }
        self.window.push_back(byte);
        out.push(byte);
        Ok(())
    }

    fn stored(&mut self, bits: &mut Bits<'_>, out: &mut Vec<u8>) -> Result<(), Broken> {
        bits.align();
        let (length, inverse) = (bits.take(16)?, bits.take(16)?);
        if length != !inverse & 0xffff {
            return Err(Broken);
        }
        for _ in 0..length {
            let byte = bits.take(8)? as u8;
            self.put(byte, out)?;
        }
        Ok(())
    }

    fn coded(
        &mut self,
        bits: &mut Bits<'_>,
        literals: &Code,
        distances: &Code,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        loop {
            let symbol = literals.symbol(bits)?;
            let length = match symbol {
                0..256 => {
                    self.put(symbol as u8, out)?;
                    continue;
                }
                256 => return Ok(()),
                257..285 => {
                    let (base, extra) = ranged(u32::from(symbol) - 257, 4, 3);
                    base + bits.take(extra)?
                }
                285 => 258,
                _ => return Err(Broken),
            };
            let symbol = u32::from(distances.symbol(bits)?);
            if symbol >= 30 {
                return Err(Broken);
            }
            let (base, extra) = ranged(symbol, 2, 1);
            let distance = (base + bits.take(extra)?) as usize;
            for _ in 0..length {
                let from = self.window.len().checked_sub(distance).ok_or(Broken)?;
                let byte = self.window.get(from).copied().ok_or(Broken)?;
                self.put(byte, out)?;
            }
        }
    }
}

/// The codes of a block that brings its own.
fn codes(bits: &mut Bits<'_>) -> Result<(Code, Code), Broken> {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let count = bits.take(4)? as usize + 4;
    let mut lengths = [0_u8; 19];
    for at in ORDER.iter().take(count) {
        let length = bits.take(3)? as u8;
        if let Some(place) = lengths.get_mut(*at) {
            *place = length;
        }
    }
    let code = Code::new(&lengths);
    let mut all: Vec<u8> = Vec::with_capacity(literals + distances);
    while all.len() < literals + distances {
        let (length, count) = match code.symbol(bits)? {
            16 => (*all.last().ok_or(Broken)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        all.extend(std::iter::repeat_n(length, count as usize));
    }
    let (first, rest) = all.split_at_checked(literals).ok_or(Broken)?;
    let second = rest.get(..distances).ok_or(Broken)?;
    Ok((Code::new(first), Code::new(second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces that zlib made of `hello hello hello`, of the same again (with a sync flush between them), and with its own
    /// codes.
    #[test]
    fn what_zlib_deflates() {
        let mut stream = Inflate::default();
        for (piece, text) in PIECES {
            assert_eq!(stream.inflate(piece).as_deref(), Ok(text.as_bytes()));
        }
        let mut known = Inflate::with_dictionary(b"hello kmock");
        assert_eq!(known.inflate(KNOWN).as_deref(), Ok(&b"hello kmock!"[..]));
        assert_eq!(known.inflate(&[7]), Err(Broken));
        let mut own = Inflate::default();
        let text: String = (0..400)
            .map(|number| format!("{} ", number * number))
            .collect();
        assert_eq!(own.inflate(OWN).as_deref(), Ok(text.as_bytes()));
    }

    const PIECES: &[(&[u8], &str)] = &[
        (
            b"\xca\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x00\x00\x00\xff\xff",
            "hello hello hello",
        ),
        (
            b"\x82\x30\x13\xd3\x13\x33\xf3\x00\x00\x00\x00\xff\xff",
            "hello again",
        ),
    ];
    const KNOWN: &[u8] = b"\xca\x40\x30\x15\x01\x00\x00\x00\xff\xff";
    const OWN: &[u8] = include_bytes!("../data/squares.deflate");
}
