//! Who signs certificates, and what they are given.

use std::sync::Arc;
use std::time::Duration;

/// A certificate that is to be signed: what a signer of [`Life::sign_with`](crate::Life::sign_with) is given.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life, my_authority: fn(&str, &[String]) -> Option<String>) {
/// use kmock_cluster::ToSign;
///
/// life.sign_with(move |to_sign: &ToSign| {
///     my_authority(&to_sign.request, &to_sign.usages).ok_or("nobody signs that".to_owned())
/// });
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSign {
    /// The request, in PEM.
    pub request: String,
    /// What it is for: `client auth`, `digital signature`.
    pub usages: Vec<String>,
    /// How long it is to be valid.
    pub lifetime: Duration,
}

/// Signs; the certificate in PEM, or why there is none.
pub(crate) type Sign = Arc<dyn Fn(&ToSign) -> Result<String, String> + Send + Sync>;
