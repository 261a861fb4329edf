//! PEM blocks (RFC 7468), as Go's `encoding/pem` finds them in a text.

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it says that it is: `CERTIFICATE`.
    pub label: String,
    /// Whether it has headers, as old keys have.
    pub has_headers: bool,
    /// Its contents in base64, without line ends.
    pub base64: String,
}

/// The blocks of a text, in order; what is no block is skipped.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        rest = after;
        let Some((label, body)) = after.split_once("-----") else {
            break;
        };
        let end = format!("-----END {label}-----");
        let Some((body, after)) = body.split_once(&end) else {
            continue;
        };
        rest = after;
        let lines = body.trim().lines();
        let (headers, lines): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.contains(':'));
        found.push(Block {
            label: label.to_owned(),
            has_headers: !headers.is_empty(),
            base64: lines.concat().split_ascii_whitespace().collect(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_among_other_text() {
        let text = "hello\n-----BEGIN A-----\nYQ==\n-----END A-----\n-----BEGIN B C-----\nx: y\n\nYg\n==\n-----END B C-----\n";
        let found = blocks(text);
        let shown: Vec<_> = found
            .iter()
            .map(|block| {
                (
                    block.label.as_str(),
                    block.has_headers,
                    block.base64.as_str(),
                )
            })
            .collect();
        assert_eq!(shown, [("A", false, "YQ=="), ("B C", true, "Yg==")]);
        assert!(blocks("-----BEGIN A-----\nYQ==\n-----END B-----\n").is_empty());
    }
}
