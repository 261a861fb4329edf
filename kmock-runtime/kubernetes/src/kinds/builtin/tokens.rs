//! Tokens of ServiceAccounts, wherever one is asked for: a request, a projected volume, a CSI driver.

/// What is wrong with the seconds that a token shall live, wherever one is asked for.
pub fn lifetime_fault(seconds: i64) -> Option<&'static str> {
    match seconds {
        ..600 => Some("may not specify a duration less than 10 minutes"),
        600..=0x1_0000_0000 => None,
        _ => Some("may not specify a duration larger than 2^32 seconds"),
    }
}
