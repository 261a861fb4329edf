//! Hostnames that clients are to find at the server: which they are.

use std::{net::SocketAddr, str::FromStr};

use crate::{
    criteria::{FilterError, Pattern},
    request::Request,
};

/// The hostnames that a server stands for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hostnames(Vec<Hostname>);

/// One of them: `example.com`, `example.com:8080`, `*.local`, `~.*\.local`, `10.20.30.40`, `::1`, `[::1]:80`.
#[derive(Clone, Debug)]
struct Hostname {
    name: Pattern,
    port: Option<u16>,
}

/// Where a name without a port leads.
#[cfg(feature = "reqwest")]
pub(crate) enum Named {
    Here,
    /// Only at a port of its own.
    AtPort(u16),
    Nowhere,
}

impl Hostnames {
    pub(crate) fn push(&mut self, hostname: &str) -> Result<(), FilterError> {
        self.0.push(hostname.parse()?);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the server stands for a host, given with or without a port.
    pub(crate) fn stands_for(&self, authority: &str) -> bool {
        let (name, port) = split(authority);
        let name = name.to_ascii_lowercase();
        self.0.iter().any(|hostname| {
            hostname.name.matches_text(Some(&name))
                && hostname
                    .port
                    .is_none_or(|wanted| port.unwrap_or(80) == wanted)
        })
    }

    /// Whether the server stands for a name, for who asks without a port.
    #[cfg(feature = "reqwest")]
    pub(crate) fn named(&self, name: &str) -> Named {
        let name = name.to_ascii_lowercase();
        let mut found = Named::Nowhere;
        let fitting = self
            .0
            .iter()
            .filter(|one| one.name.matches_text(Some(&name)));
        for hostname in fitting {
            match hostname.port {
                None | Some(80 | 443) => return Named::Here,
                Some(port) => found = Named::AtPort(port),
            }
        }
        found
    }

    /// Whether a request in absolute form is meant for the server.
    pub(crate) fn intercept(&self, request: &Request, address: SocketAddr) -> bool {
        let Some(authority) = request.uri().authority() else {
            return true;
        };
        authority.as_str() == address.to_string() || self.stands_for(authority.as_str())
    }
}

/// A host and its port: an IPv6 address has brackets where a port follows, and may have them elsewhere.
fn split(authority: &str) -> (&str, Option<u16>) {
    if let Some(rest) = authority.strip_prefix('[')
        && let Some((name, port)) = rest.split_once(']')
    {
        return (
            name,
            port.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match authority.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

impl FromStr for Hostname {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Hostname, FilterError> {
        if let Some(expression) = text.strip_prefix('~') {
            return Ok(Hostname {
                name: Pattern::try_regex(&format!("(?i){expression}"))?,
                port: None,
            });
        }
        let (name, port) = split(text);
        if name.is_empty() || name.contains(['/', ' ']) {
            return Err(FilterError::new(format!(
                "`{text}` is no hostname such as example.com, *.local or ~.*\\.local"
            )));
        }
        Ok(Hostname {
            name: Pattern::from(name.to_ascii_lowercase()),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(hostnames: &[&str], authority: &str) -> bool {
        let mut all = Hostnames::default();
        for hostname in hostnames {
            all.push(hostname).expect("a hostname");
        }
        all.stands_for(authority)
    }

    #[test]
    fn hostnames_match_names_globs_expressions_addresses_and_ports() {
        assert!(stands(&["example.com"], "Example.com"));
        assert!(stands(&["example.com"], "example.com:8080"));
        assert!(!stands(&["example.com:80"], "example.com:8080"));
        assert!(stands(&["example.com:80"], "example.com"));
        assert!(stands(&["*.local"], "a.b.local") && !stands(&["*.local"], "local"));
        assert!(stands(&["~.*\\.local"], "x.local") && !stands(&["~.*\\.local"], "x.localhost"));
        assert!(stands(&["10.20.30.40"], "10.20.30.40:1"));
        assert!(stands(&["::1"], "[::1]:80") && stands(&["[::1]:80"], "[::1]"));
        assert!("a b".parse::<Hostname>().is_err());
    }
}
