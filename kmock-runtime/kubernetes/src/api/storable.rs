//! How large an object may be in the storage: etcd's limits, in the words in which the API server passes them on.

use serde_json::Value;

use super::call::Call;
use crate::model::status::ApiError;
use crate::wire::protobuf;
use kmock_apply::gofmt;

/// The most bytes of a request that etcd writes down: `--max-request-bytes`.
const MOST_WRITTEN: usize = 1024 * 1024 * 3 / 2;
/// The most bytes that etcd's client sends at once.
const MOST_SENT: usize = 2 * 1024 * 1024;
/// No object's place is longer: names, namespaces, groups and resources have 253 bytes at most.
const LONGEST_PATH: usize = 2048;
/// What etcd adds to a transaction before it writes it down.
const ETCD_HEADER: usize = 20;

/// Refuses an object that etcd would not take. `path` tells its place there; `replaced` is the revision of the version that
/// it replaces.
pub(super) fn check(
    call: &Call,
    path: impl FnOnce() -> String,
    value: &Value,
    replaced: Option<u64>,
) -> Result<(), ApiError> {
    let fits = |path: usize, json: usize| {
        transaction(path, json + 1, replaced) + ETCD_HEADER <= MOST_WRITTEN
    };
    // Hardly any object comes near it: then nothing need be counted.
    if fits(LONGEST_PATH, gofmt::json_bound(value)) {
        return Ok(());
    }
    let path = path();
    // The version is not stored: it is where the object is in etcd's own history.
    let version = value["metadata"]["resourceVersion"].as_str();
    let own = r#""resourceVersion":"","#.len();
    let json = gofmt::json_size(value) - version.map_or(0, |version| version.len() + own);
    // No other form is longer.
    if fits(path.len(), json) {
        return Ok(());
    }
    let size = match protobuf::print(value) {
        Some(message) if call.resource().is_built_in() => {
            message.len() - version.map_or(0, |version| version.len() + 2)
        }
        // A line of JSON.
        _ => json + 1,
    };
    let sent = transaction(path.len(), size, replaced);
    if sent > MOST_SENT {
        return Err(ApiError::unreasoned(format!(
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max ({sent} vs. {MOST_SENT})"
        )));
    }
    if sent + ETCD_HEADER > MOST_WRITTEN {
        return Err(ApiError::unreasoned("etcdserver: request is too large"));
    }
    Ok(())
}

/// The bytes of `if the revision of key is … then put key value`, and in an update `else get key`, as etcd's client sends
/// it (`rpc.proto`).
fn transaction(key: usize, value: usize, replaced: Option<u64>) -> usize {
    let field = |length: usize| 1 + varint(length as u64) + length;
    // The target of the comparison is two bytes; its result, equality, is zero and not sent.
    let compare = 2 + field(key) + 1 + varint(replaced.unwrap_or_default());
    let put = field(key) + field(value);
    let otherwise = replaced.map_or(0, |_| field(field(field(key))));
    field(compare) + field(field(put)) + otherwise
}

fn varint(value: u64) -> usize {
    let bits = 64 - value.max(1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_as_long_as_etcds() {
        // compare: the target, the key, the revision; put: the key, the value; get: the key.
        let compare = 2 + (2 + 5) + 3;
        let put = (2 + 5) + (2 + 3);
        let get = 2 + 5;
        let first = transaction(5, 3, None);
        assert_eq!(first, (2 + compare - 1) + (2 + 2 + put));
        assert_eq!(
            transaction(5, 3, Some(128)),
            (2 + compare) + (2 + 2 + put) + (2 + 2 + get)
        );
        assert_eq!(
            (varint(0), varint(127), varint(128), varint(u64::MAX)),
            (1, 1, 2, 10)
        );
    }
}
