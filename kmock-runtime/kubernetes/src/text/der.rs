//! DER (X.690): just enough to find one's way through a certificate.

/// An element: its tag and its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Class and number.
    pub tag: u8,
    /// What is in it.
    pub contents: &'a [u8],
}

/// The tag of a `SEQUENCE`.
pub const SEQUENCE: u8 = 0x30;

/// The first element of some bytes, and what follows it.
pub fn split(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = match first {
        0..=0x7f => usize::from(first),
        0x81..=0x84 => {
            let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = after;
            bytes
                .iter()
                .fold(0, |length, byte| (length << 8) | usize::from(*byte))
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, contents }, rest))
}

impl<'a> Element<'a> {
    /// The only element of some bytes.
    pub fn only(der: &'a [u8]) -> Option<Self> {
        let (element, rest) = split(der)?;
        rest.is_empty().then_some(element)
    }

    /// The elements in it, as far as they can be read.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let mut rest = self.contents;
        std::iter::from_fn(move || {
            let (element, after) = split(rest)?;
            rest = after;
            Some(element)
        })
    }
}

/// Whether some bytes have the outline of a certificate (RFC 5280): what is signed, how, and the signature.
pub fn is_certificate(der: &[u8]) -> bool {
    let Some(certificate) = Element::only(der).filter(|element| element.tag == SEQUENCE) else {
        return false;
    };
    let tags: Vec<u8> = certificate.children().map(|element| element.tag).collect();
    tags == [SEQUENCE, SEQUENCE, 0x03]
}

/// The organizations of the subject of a request for a certificate (PKCS #10, RFC 2986).
pub fn organizations(request: &[u8]) -> Vec<String> {
    of_subject(request, [0x55, 0x04, 0x0a])
}

/// The common names of the subject of a request for a certificate.
pub fn common_names(request: &[u8]) -> Vec<String> {
    of_subject(request, [0x55, 0x04, 0x03])
}

/// The values of one type of attribute in the subject of a request.
fn of_subject(request: &[u8], wanted: [u8; 3]) -> Vec<String> {
    // A request has what is asked for first, and there the subject comes after the version.
    let info = Element::only(request).and_then(|request| request.children().next());
    let subject = info.and_then(|info| info.children().nth(1));
    let attributes = subject
        .into_iter()
        .flat_map(Element::children)
        .flat_map(Element::children);
    attributes
        .filter_map(|attribute| {
            let mut parts = attribute.children();
            let (ty, value) = (parts.next()?, parts.next()?);
            let is_wanted = ty.contents == wanted;
            is_wanted.then(|| String::from_utf8_lossy(value.contents).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let contents = parts.concat();
        let length = u8::try_from(contents.len()).expect("short");
        let head = match length {
            0..=0x7f => vec![tag, length],
            _ => vec![tag, 0x81, length],
        };
        [head, contents].concat()
    }

    #[test]
    fn organizations_of_a_request() {
        let attribute = |ty: u8, text: &str| {
            let ty = element(0x06, &[vec![0x55, 0x04, ty]]);
            let value = element(0x0c, &[text.as_bytes().to_vec()]);
            element(0x31, &[element(SEQUENCE, &[ty, value])])
        };
        let long = "x".repeat(100);
        let subject = [
            attribute(0x0a, "system:masters"),
            attribute(0x03, &long),
            attribute(0x0a, "b"),
        ];
        let version = element(0x02, &[vec![0]]);
        let info = element(SEQUENCE, &[version, element(SEQUENCE, &subject)]);
        let request = element(SEQUENCE, &[info]);
        assert_eq!(organizations(&request), ["system:masters", "b"]);
        assert_eq!(common_names(&request), [long.as_str()]);
        assert!(organizations(&request[1..]).is_empty() && organizations(b"\x30\x84").is_empty());
    }
}
