//! Base64 with the alphabet of URLs and without padding: continue tokens, and the parts of web tokens.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as text.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, &byte| (word << 8) | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            let index = (word >> (18 - 6 * i)) & 63;
            out.push(
                ALPHABET
                    .get(index as usize)
                    .copied()
                    .map_or('A', char::from),
            );
        }
    }
    out
}

/// Text as bytes. The error is the position of the first wrong byte.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut word, mut bits) = (0u32, 0u32);
    for (i, byte) in text
        .bytes()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .enumerate()
    {
        let value = ALPHABET.iter().position(|&known| known == byte).ok_or(i)?;
        word = (word << 6) | u32::try_from(value).unwrap_or_default();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((word >> bits) & 0xff).unwrap_or_default());
        }
    }
    // One letter of a group has too few bits for a byte; what is wrong is where that group begins.
    if bits == 6 {
        Err(text.len().saturating_sub(1))
    } else {
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn base64_without_padding() {
        for text in ["", "a", "ab", "abc", "abcd", "\u{ff}\u{fe}?>"] {
            assert_eq!(
                decode(&encode(text.as_bytes())),
                Ok(text.as_bytes().to_vec())
            );
        }
        assert_eq!(encode(b"\xfb\xff"), "-_8");
        assert_eq!(decode("A"), Err(0));
    }
}
