//! What names, the keys and values of labels, and the like may look like, and the server's words for those that do not.
//!
//! Rules and texts as in `k8s.io/apimachinery/pkg/util/validation` and `…/api/validate/content`.

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED_NAME: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must \
start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Which names are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain: most kinds.
    Subdomain,
    /// RFC 1123 label: namespaces.
    Label,
    /// RFC 1035 label.
    Label1035,
    /// Anything that can be a path segment: RBAC kinds.
    PathSegment,
    /// A subdomain again, checked by a declared format: in bytes, and without a look at `generateName`.
    LongName,
}

fn alnum_lower(c: u8) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn between(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&first), Some(&last)) => {
            edge(first) && edge(last) && bytes.iter().all(|&c| edge(c) || inner(c))
        }
        _ => false,
    }
}

fn is_label_text(text: &str) -> bool {
    between(text, alnum_lower, |c| c == b'-')
}

/// The name of a label's key, or a label's value.
fn is_word(text: &str) -> bool {
    between(
        text,
        |c| c.is_ascii_alphanumeric(),
        |c| matches!(c, b'-' | b'_' | b'.'),
    )
}

fn is_subdomain_text(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(is_label_text)
}

/// What a length is counted in, by the words of the fault: the server measures bytes either way.
///
/// The names of objects and of what they point to are checked by `util/validation`, which says characters; keys and
/// values of labels and declared formats are checked by `api/validate/content`, which says bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Characters,
    Bytes,
}

fn at_most(faults: &mut Vec<String>, text: &str, most: usize, unit: Unit) {
    if text.len() > most {
        let unit = match unit {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        };
        faults.push(format!("must be no more than {most} {unit}"));
    }
}

/// What is wrong with an RFC 1123 subdomain.
pub fn subdomain_faults(text: &str) -> Vec<String> {
    subdomain(text, Unit::Characters)
}

fn subdomain(text: &str, unit: Unit) -> Vec<String> {
    let mut faults = Vec::new();
    at_most(&mut faults, text, 253, unit);
    if !is_subdomain_text(text) {
        faults.push(SUBDOMAIN.to_owned());
    }
    faults
}

/// What is wrong with an RFC 1123 label.
pub fn label_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    at_most(&mut faults, text, 63, Unit::Characters);
    if !is_label_text(text) {
        // The subdomain's rule fits: it is only the dots.
        faults.push(
            if is_subdomain_text(text) {
                "must not contain dots"
            } else {
                LABEL
            }
            .to_owned(),
        );
    }
    faults
}

/// What is wrong with an RFC 1035 label.
pub fn label_1035_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    at_most(&mut faults, text, 63, Unit::Characters);
    if !is_label_text(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        faults.push(LABEL_1035.to_owned());
    }
    faults
}

/// What is wrong with a name that only has to fit into a path.
pub fn path_segment_faults(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"]
        .iter()
        .filter(|c| text.contains(**c))
        .map(|c| format!("may not contain '{c}'"))
        .collect()
}

/// What is wrong with a label key, an annotation key, a finalizer or any other `prefix/name`.
pub fn qualified_name_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".to_owned());
            } else {
                faults.extend(
                    subdomain(prefix, Unit::Bytes)
                        .into_iter()
                        .map(|fault| format!("prefix part {fault}")),
                );
            }
            name
        }
        _ => return vec![QUALIFIED_NAME.to_owned()],
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".to_owned());
    } else {
        let mut long = Vec::new();
        at_most(&mut long, name, 63, Unit::Bytes);
        faults.extend(long.into_iter().map(|fault| format!("name part {fault}")));
    }
    if !is_word(name) {
        faults.push(NAME_PART.to_owned());
    }
    faults
}

/// What is wrong with the value of a label.
pub fn label_value_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    at_most(&mut faults, text, 63, Unit::Bytes);
    if !text.is_empty() && !is_word(text) {
        faults.push(LABEL_VALUE.to_owned());
    }
    faults
}

/// What is wrong with an object's name; of a prefix for generated names the trailing dash is allowed.
pub fn name_faults(rule: NameRule, name: &str, prefix: bool) -> Vec<String> {
    let masked;
    let name = match name.strip_suffix('-') {
        Some(head) if prefix && !head.is_empty() && !matches!(rule, NameRule::PathSegment) => {
            masked = format!("{head}a");
            &masked
        }
        _ => name,
    };
    match rule {
        NameRule::Subdomain => subdomain_faults(name),
        NameRule::Label => label_faults(name),
        NameRule::Label1035 => label_1035_faults(name),
        NameRule::PathSegment => path_segment_faults(name),
        NameRule::LongName if prefix => Vec::new(),
        NameRule::LongName => subdomain(name, Unit::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(label_faults("a.b"), ["must not contain dots"]);
        assert_eq!(
            path_segment_faults("a/b%"),
            ["may not contain '/'", "may not contain '%'"]
        );
    }

    #[test]
    fn keys_and_values() {
        assert!(qualified_name_faults("example.com/Name_1").is_empty());
        assert_eq!(qualified_name_faults("").len(), 2);
        assert_eq!(qualified_name_faults("a/b/c").len(), 1);
        assert!(label_value_faults("").is_empty());
        assert_eq!(label_value_faults("bad value!").len(), 1);
    }

    #[test]
    fn lengths_are_told_in_the_unit_of_the_rule() {
        let long = "a".repeat(254);
        let characters = ["must be no more than 253 characters"];
        assert_eq!(subdomain_faults(&long), characters);
        assert_eq!(name_faults(NameRule::Subdomain, &long, false), characters);
        let bytes = ["must be no more than 253 bytes"];
        assert_eq!(name_faults(NameRule::LongName, &long, false), bytes);
        assert_eq!(
            qualified_name_faults(&format!("{long}/name")),
            ["prefix part must be no more than 253 bytes"]
        );
        assert_eq!(
            qualified_name_faults(&"a".repeat(64)),
            ["name part must be no more than 63 bytes"]
        );
        assert_eq!(
            label_value_faults(&"a".repeat(64)),
            ["must be no more than 63 bytes"]
        );
        assert_eq!(
            label_faults(&"a".repeat(64)),
            ["must be no more than 63 characters"]
        );
    }
}
