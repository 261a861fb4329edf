//! HTTP Archives (HAR 1.2): what browsers, proxies and other mock servers read and write.

mod read;
mod write;

pub(super) use self::{read::read, write::write};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::record::Entry;

    #[test]
    fn what_is_written_is_read_again() {
        let mut entry = Entry {
            origin: "http://x:1".to_owned(),
            method: "POST".to_owned(),
            target: "/a?b=c".to_owned(),
            request_headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            request_body: Bytes::from_static(b"hello"),
            at: Duration::ZERO,
            status: 201,
            headers: vec![("x-a".to_owned(), "1".to_owned())],
            body: Bytes::from_static(&[0, 0xff]),
        };
        assert_eq!(
            read(&write(&[entry.clone()]), None).expect("an archive"),
            [entry.clone()]
        );
        // What was not decoded stays so; and forms need no text.
        entry
            .headers
            .push(("content-encoding".to_owned(), "br".to_owned()));
        assert_eq!(
            read(&write(&[entry.clone()]), None).expect("an archive"),
            [entry]
        );
    }

    #[test]
    fn what_is_no_archive_is_told() {
        for (text, why) in [
            ("{}", "/log/entries"),
            (r#"{"log":{"entries":[{}]}}"#, "/log/entries/0/request/url"),
            (
                r#"{"log":{"entries":[{"request":{"url":"http://x/"},"response":{"status":200,"content":{"text":"?","encoding":"base64"}}}]}}"#,
                "/log/entries/0/response/content/text",
            ),
            (
                r#"{"log":{"entries":[{"request":{"url":"http://x/"},"response":{"status":200,"content":{"text":"?","encoding":"rot13"}}}]}}"#,
                "rot13",
            ),
            (
                r#"{"log":{"entries":[{"request":{"url":"http://x/"},"response":{"status":200,"content":{"_file":"a.json"}}}]}}"#,
                "a.json",
            ),
            ("nothing", "no HTTP Archive"),
        ] {
            let error = read(text, None).expect_err(text).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
