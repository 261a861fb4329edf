//! `id`, `whoami`: the user that a container is, by its security context.

use super::super::handle::Container;
use super::super::io::Io;
use crate::json::Json;
use crate::object::items;

/// The numbers of a user, its group, and the groups that it is in besides.
fn user(container: &Container) -> (i64, i64, Vec<i64>) {
    let spec = &container.manifest()["spec"];
    let of = |field: &str| {
        let own = container.spec()["securityContext"][field].as_i64();
        own.or_else(|| spec["securityContext"][field].as_i64())
    };
    let (user, group) = (
        of("runAsUser").unwrap_or_default(),
        of("runAsGroup").unwrap_or_default(),
    );
    let more = items(&spec["securityContext"]["supplementalGroups"]).filter_map(Json::as_i64);
    let mut groups: Vec<i64> = more.collect();
    groups.extend(spec["securityContext"]["fsGroup"].as_i64());
    groups.sort_unstable();
    groups.dedup();
    groups.retain(|one| *one != group);
    (user, group, groups)
}

/// `id [-u | -g | -G] [-n]`
pub(super) async fn id(arguments: &[&str], io: &Io) -> i32 {
    let (user, group, groups) = user(io.container());
    let named = |number: i64| match number {
        0 => "root".to_owned(),
        number => number.to_string(),
    };
    let shown = |number: i64| match number {
        0 => "0(root)".to_owned(),
        number => number.to_string(),
    };
    let has = |flag: char| {
        arguments
            .iter()
            .any(|word| word.starts_with('-') && word.contains(flag))
    };
    let one = |number: i64| {
        if has('n') {
            named(number)
        } else {
            number.to_string()
        }
    };
    let all = || std::iter::once(group).chain(groups.iter().copied());
    let said = if has('u') {
        one(user)
    } else if has('g') {
        one(group)
    } else if has('G') {
        all().map(one).collect::<Vec<_>>().join(" ")
    } else {
        let groups = all().map(shown).collect::<Vec<_>>().join(",");
        format!("uid={} gid={} groups={groups}", shown(user), shown(group))
    };
    io.write(format!("{said}\n")).await;
    0
}
