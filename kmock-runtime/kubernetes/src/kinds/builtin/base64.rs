//! Base64 as Go's `encoding/base64` reads and writes `[]byte` fields.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The standard, padded form.
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                let six = (group >> (18 - 6 * i)) & 63;
                out.push(char::from(
                    ALPHABET.get(six as usize).copied().unwrap_or(b'='),
                ));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// The bytes of a text; line ends are skipped. The error is the offset that Go names.
pub fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let input = text.as_bytes();
    let mut out = Vec::with_capacity(input.len() / 4 * 3);
    let mut at = 0;
    let newline = |c: u8| c == b'\n' || c == b'\r';
    loop {
        let (mut group, mut count) = (0u32, 0usize);
        while count < 4 {
            let Some(&c) = input.get(at) else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            if newline(c) {
                continue;
            }
            if let Some(six) = ALPHABET.iter().position(|a| *a == c) {
                group = (group << 6) | six as u32;
                count += 1;
                continue;
            }
            if c != b'=' || count < 2 {
                return Err(at - 1);
            }
            while input.get(at).copied().is_some_and(newline) {
                at += 1;
            }
            if count == 2 {
                match input.get(at) {
                    None => return Err(input.len()),
                    Some(b'=') => at += 1,
                    Some(_) => return Err(at - 1),
                }
                while input.get(at).copied().is_some_and(newline) {
                    at += 1;
                }
            }
            if at < input.len() {
                return Err(at);
            }
            let group = group << (6 * (4 - count));
            out.extend(group.to_be_bytes().into_iter().skip(1).take(count - 1));
            return Ok(out);
        }
        out.extend(group.to_be_bytes().into_iter().skip(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("user", "dXNlcg=="),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text), Ok(bytes.into()));
        }
        assert_eq!(decode("dXNl\ncg==\n"), Ok(b"user".to_vec()));
        assert_eq!(decode("not base64!"), Err(3));
        assert_eq!(decode("Zg"), Err(0));
        assert_eq!(decode("Zg=x"), Err(2));
    }
}
