//! Short hashes of templates, in the shape in which Kubernetes writes them into names and labels.

use crate::json::Json;

/// FNV-1a of 32 bits is what `ComputeHash` takes; it goes over the value's JSON in the order of its keys.
struct Fnv(u32);

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
}

/// The hash of a template and of the number of collisions so far, as `pod-template-hash` shows it.
pub(crate) fn of(template: &Json, collisions: Option<i64>) -> String {
    let mut hash = Fnv(0x811c_9dc5);
    hash.write(template.to_string().as_bytes());
    if let Some(collisions) = collisions {
        hash.write(&collisions.to_le_bytes());
    }
    encode(&hash.0.to_string())
}

/// The hash of a ControllerRevision's data: FNV-1 over its JSON, and the number of collisions in digits.
pub(crate) fn of_revision(data: &Json, collisions: i64) -> String {
    let mut hash: u32 = 0x811c_9dc5;
    let digits = if collisions > 0 {
        collisions.to_string()
    } else {
        "0".to_owned()
    };
    for byte in data.to_string().bytes().chain(digits.bytes()) {
        hash = hash.wrapping_mul(0x0100_0193) ^ u32::from(byte);
    }
    encode(&hash.to_string())
}

/// Consonants and digits: no word that could offend, nothing that can be mistaken for something else.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

fn encode(digits: &str) -> String {
    digits
        .bytes()
        .filter_map(|byte| LETTERS.get(usize::from(byte) % LETTERS.len()))
        .map(|byte| char::from(*byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::json::json;

    use super::*;

    #[test]
    fn the_same_template_has_the_same_hash() {
        let template = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
        let hash = of(&template, None);
        assert_eq!(hash, of(&template, None));
        assert_ne!(hash, of(&template, Some(1)));
        assert!((8..=10).contains(&hash.len()) && hash.bytes().all(|c| LETTERS.contains(&c)));
    }
}
