//! Bootstrap tokens: `ID.SECRET`, as Secrets of `kube-system` say it, by which a node joins a cluster.
//!
//! Rules: `plugin/pkg/auth/authenticator/token/bootstrap` and `k8s.io/cluster-bootstrap`. A server has them where
//! `--enable-bootstrap-token-auth` is set, as `kubeadm` does it; here whoever makes such a Secret means it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kinds::builtin::values::text;
use crate::kinds::builtin::{base64, times};
use crate::model::resource::ResourceKey;
use crate::model::user::User;
use crate::state::cluster::Cluster;

const TYPE: &str = "bootstrap.kubernetes.io/token";
const GROUP: &str = "system:bootstrappers";

/// Whom a token stands for, if it is one.
pub fn user(cluster: &Cluster, token: &str) -> Option<User> {
    let (id, secret) = token.split_once('.')?;
    if !is_word(id, 6) || !is_word(secret, 16) {
        return None;
    }
    let key = format!("kube-system/bootstrap-token-{id}");
    let found = cluster
        .store()
        .get(&ResourceKey::new("", "secrets"), &key)?;
    if found.is_terminating() || text(&found.value, &["type"]) != TYPE {
        return None;
    }
    let data = |key: &str| data(&found.value, key);
    let expired = match data("expiration").as_str() {
        "" => false,
        // What cannot be read is over.
        time => times::moment(time).is_none_or(|end| end <= cluster.now()),
    };
    if data("token-secret") != secret
        || data("token-id") != id
        || expired
        || data("usage-bootstrap-authentication") != "true"
    {
        return None;
    }
    let user = User::new(format!("system:bootstrap:{id}"));
    let groups = groups(&data("auth-extra-groups"))?;
    Some(groups.into_iter().fold(user, User::group))
}

/// Digits and small letters, so many.
fn is_word(text: &str, length: usize) -> bool {
    let fits = |letter: u8| letter.is_ascii_digit() || letter.is_ascii_lowercase();
    text.len() == length && text.bytes().all(fits)
}

fn data(secret: &Value, key: &str) -> String {
    let bytes = base64::decode(text(secret, &["data", key])).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The groups in their order: the one of all such users, and those that the Secret names. `None`: one of them is none that
/// such a user may have.
fn groups(further: &str) -> Option<BTreeSet<String>> {
    let mut groups = BTreeSet::from([GROUP.to_owned()]);
    for group in further.split(',').filter(|_| !further.is_empty()) {
        let name = group.strip_prefix("system:bootstrappers:")?;
        let fits = |letter: u8| {
            letter.is_ascii_digit() || letter.is_ascii_lowercase() || b":-".contains(&letter)
        };
        let last = name.bytes().last()?;
        let ends = last.is_ascii_digit() || last.is_ascii_lowercase();
        if !name.bytes().all(fits) || !ends || name.len() > 256 {
            return None;
        }
        groups.insert(group.to_owned());
    }
    Some(groups)
}
