//! Fields that a body repeats.

use kmock_apply::ordered::Node;

/// The complaints about repeated fields, in body order.
pub(crate) fn find(body: &Node, complaints: &mut Vec<String>) {
    walk(body, "", complaints);
}

fn walk(node: &Node, path: &str, complaints: &mut Vec<String>) {
    match node {
        Node::Object(members) => {
            for (index, (key, value)) in members.iter().enumerate() {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                if members
                    .iter()
                    .take(index)
                    .any(|(earlier, _)| earlier == key)
                {
                    let complaint = format!("duplicate field \"{path}\"");
                    if !complaints.contains(&complaint) {
                        complaints.push(complaint);
                    }
                }
                walk(value, &path, complaints);
            }
        }
        Node::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), complaints);
            }
        }
        _ => {}
    }
}
