//! Texts of files and of standard input, as people's editors and shells leave them.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// How standard input is called where a file could be.
pub(crate) const STANDARD_INPUT: &str = "-";

/// What a file is called in messages.
pub(crate) fn shown(path: &Path) -> String {
    match path.as_os_str() == STANDARD_INPUT {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// The text of a file, or of standard input (`-`), without the mark that some editors write before it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == STANDARD_INPUT {
        true => io::stdin().read_to_end(&mut bytes).map(drop),
        false => fs::read(path).map(|all| bytes = all),
    };
    read.map_err(|error| error.to_string())?;
    utf8(bytes)
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("this is UTF-16, which some shells write by `>`: save it as UTF-8".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is no UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_utf8_with_or_without_a_mark() {
        assert_eq!(utf8(b"\xef\xbb\xbfa: 1".to_vec()), Ok("a: 1".to_owned()));
        let odd = |bytes: &[u8]| utf8(bytes.to_vec()).expect_err("no UTF-8");
        assert!(odd(b"\xff\xfea\0").contains("UTF-16"));
        assert_eq!(odd(b"a: 1\nb: \xff\n"), "line 2 is no UTF-8");
    }
}
