//! Which field has which number: the table beside the Go types.
//!
//! Structs that Go embeds (their fields are inlined in JSON) are messages of their own here, so a message is a small
//! tree: numbers lead to fields, or to a message whose fields belong to the same struct.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use super::unions::Union;
use crate::kinds::builtin::gotypes::{Field, Struct};

/// A message: its members by number.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) members: Vec<(u32, Member)>,
}

#[derive(Debug)]
pub(super) enum Member {
    Field(&'static Field),
    Union(Union, &'static Field),
    Embedded(Message),
}

type Line = (&'static str, OnceLock<Message>);

static TABLE: LazyLock<HashMap<&'static str, Line>> = LazyLock::new(|| {
    include_str!("../../data/protobuf.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, numbers)| (name, (numbers, OnceLock::new())))
        .collect()
});

impl Message {
    /// The message of a struct; `None` for types that have no protobuf form here.
    pub(super) fn of(of: &'static Struct) -> Option<&'static Message> {
        let (numbers, parsed) = TABLE.get(of.name)?;
        Some(parsed.get_or_init(|| {
            let mut message = Message::default();
            for (field, path) in of.fields.iter().zip(numbers.split(' ')) {
                if let Some((number, word)) = path.split_once(':')
                    && let (Ok(number), Some(union)) = (number.parse(), Union::named(word))
                {
                    message.members.push((number, Member::Union(union, field)));
                    continue;
                }
                let path: Vec<u32> = path
                    .split('.')
                    .filter_map(|number| number.parse().ok())
                    .collect();
                if path != [0] {
                    message.add(&path, field);
                }
            }
            message.sort();
            message
        }))
    }

    fn add(&mut self, path: &[u32], field: &'static Field) {
        match path {
            [] => {}
            [number] => self.members.push((*number, Member::Field(field))),
            [number, rest @ ..] => {
                let found = self
                    .members
                    .iter_mut()
                    .find_map(|(known, member)| match member {
                        Member::Embedded(message) if known == number => Some(message),
                        _ => None,
                    });
                match found {
                    Some(message) => message.add(rest, field),
                    None => {
                        let mut message = Message::default();
                        message.add(rest, field);
                        self.members.push((*number, Member::Embedded(message)));
                    }
                }
            }
        }
    }

    fn sort(&mut self) {
        self.members.sort_by_key(|(number, _)| *number);
        for (_, member) in &mut self.members {
            if let Member::Embedded(message) = member {
                message.sort();
            }
        }
    }

    pub(super) fn member(&self, number: u32) -> Option<&Member> {
        self.members
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, member)| member)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_the_go_types() {
        for (name, (numbers, _)) in TABLE.iter() {
            let of = Struct::named(name).expect(name);
            assert_eq!(
                of.fields.len(),
                numbers.split(' ').filter(|n| !n.is_empty()).count(),
                "{name}"
            );
            Message::of(of).expect(name);
        }
    }
}
