//! Archives as `kubectl cp` sends and wants them (POSIX.1-1988 ustar, with the long names of GNU tar and of pax).

use bytes::Bytes;

const BLOCK: usize = 512;

/// An archive of some files; a folder has no content and a name that ends with a slash.
pub(crate) fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let kind = if name.ends_with('/') { b'5' } else { b'0' };
        if name.len() > 100 {
            // GNU tar's way: the name is the content of an entry before.
            entry(
                &mut out,
                "././@LongLink",
                b'L',
                &[name.as_bytes(), b"\0"].concat(),
            );
        }
        let end = (0..=name.len().min(100))
            .rev()
            .find(|at| name.is_char_boundary(*at));
        let short = name.get(..end.unwrap_or_default()).unwrap_or_default();
        entry(&mut out, short, kind, content);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    out
}

fn entry(out: &mut Vec<u8>, name: &str, kind: u8, content: &[u8]) {
    let mut head = [0_u8; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = head.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, name.as_bytes());
    let mode: &[u8] = if kind == b'5' {
        b"0000755\0"
    } else {
        b"0000644\0"
    };
    put(100, mode);
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(field) = head.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    out.extend_from_slice(&head);
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
}

/// The files of an archive.
pub(crate) fn unpack(archive: &[u8]) -> Result<Vec<(String, Bytes)>, &'static str> {
    const BROKEN: &str = "This does not look like a tar archive";
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0);
        let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let mut files = Vec::new();
    let mut rest = archive;
    let mut long = None;
    while let Some(head) = rest.get(..BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            break;
        }
        let field = |from: usize, to: usize| head.get(from..to).unwrap_or_default();
        let size = text(field(124, 136));
        let size = usize::from_str_radix(size.trim(), 8).map_err(|_| BROKEN)?;
        let content = rest
            .get(BLOCK..BLOCK + size)
            .ok_or("Unexpected EOF in archive")?;
        rest = rest
            .get(BLOCK + size.next_multiple_of(BLOCK)..)
            .unwrap_or_default();
        let mut name = text(field(0, 100));
        let prefix = text(field(345, 500));
        if field(257, 262) == b"ustar" && field(262, 263) == b"\0" && !prefix.is_empty() {
            name = format!("{prefix}/{name}");
        }
        match field(156, 157) {
            b"L" => long = Some(text(content)),
            b"x" => long = pax_path(content).or(long),
            b"0" | b"\0" => {
                let name = long.take().unwrap_or(name);
                files.push((name, Bytes::copy_from_slice(content)));
            }
            _ => long = None,
        }
    }
    Ok(files)
}

/// Whether an archive has come to its end: not every client can say that nothing more comes.
pub(crate) fn is_whole(archive: &[u8]) -> bool {
    let mut at = 0;
    while let Some(head) = archive.get(at..at + BLOCK) {
        if head.iter().all(|byte| *byte == 0) {
            return true;
        }
        let size = String::from_utf8_lossy(head.get(124..135).unwrap_or_default()).into_owned();
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).unwrap_or_default();
        at += BLOCK + size.next_multiple_of(BLOCK);
    }
    false
}

/// `path` of the records of pax: `<length> <name>=<value>\n`.
fn pax_path(records: &[u8]) -> Option<String> {
    let records = String::from_utf8_lossy(records);
    records.lines().find_map(|record| {
        let (_, pair) = record.split_once(' ')?;
        pair.strip_prefix("path=").map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let long = "deep/".repeat(30) + "file";
        let archive = pack([("a/", &b""[..]), ("a/b", b"content"), (&long, &[7; 1000])]);
        assert_eq!(archive.len() % BLOCK, 0);
        let files = unpack(&archive).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(files[0], ("a/b".to_owned(), Bytes::from("content")));
        assert_eq!((&files[1].0, files[1].1.len()), (&long, 1000));
        assert!(is_whole(&archive) && !is_whole(&archive[..archive.len() - 2 * BLOCK]));
        assert!(unpack(&[b'x'; 600]).is_err());
        assert!(unpack(&archive[..BLOCK * 2 + 3]).is_err());
    }
}
