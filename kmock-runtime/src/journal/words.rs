//! How people speak of requests: `GET /x`, `patch deployments.apps default/web (apply, manager=op)`, `0.4 ms`.

use std::time::Duration;

use crate::{backend::Dialect, request::Request};

/// The verb and the target, in HTTP's words.
fn http(request: &Request) -> (String, String) {
    (request.method().to_string(), request.target().to_owned())
}

/// The verb and the target, in the words of a dialect if there is one and the request is of it.
pub(super) fn of(request: &Request, dialect: Option<&dyn Dialect>) -> (String, String) {
    dialect
        .and_then(|dialect| dialect.words(request))
        .unwrap_or_else(|| http(request))
}

/// Who asks: the first word of the user agent.
pub(super) fn who(request: &Request) -> Option<String> {
    let agent = request.header("user-agent")?;
    let first = agent.split_whitespace().next()?;
    Some(first.to_owned())
}

/// A duration for people, in three letters or so.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_micros() {
        0 => "0 ms".to_owned(),
        1..10_000 => format!("{:.1} ms", seconds * 1e3),
        10_000..1_000_000 => format!("{:.0} ms", seconds * 1e3),
        1_000_000..60_000_000 => format!("{seconds:.1} s"),
        _ => {
            let whole = duration.as_secs();
            match whole / 3600 {
                0 => format!("{} min {} s", whole / 60, whole % 60),
                hours => format!("{hours} h {} min", whole / 60 % 60),
            }
        }
    }
}

/// A number with a comma after each three digits: `10,000`.
pub(super) fn number(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 request`, `2 requests`.
pub(super) fn requests(n: usize) -> String {
    match n {
        1 => "1 request".to_owned(),
        n => format!("{} requests", number(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_numbers_are_short() {
        let shown = |micros| duration(Duration::from_micros(micros));
        assert_eq!(shown(0), "0 ms");
        assert_eq!(shown(412), "0.4 ms");
        assert_eq!(shown(12_345), "12 ms");
        assert_eq!(shown(5_000_000), "5.0 s");
        assert_eq!(shown(125_000_000), "2 min 5 s");
        assert_eq!(shown(7_500_000_000), "2 h 5 min");
        assert_eq!(number(10_000), "10,000");
        assert_eq!(number(999), "999");
        assert_eq!(requests(1), "1 request");
    }
}
