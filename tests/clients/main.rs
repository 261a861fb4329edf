//! Clients that know nothing of tokio: blocking ones, and those of other runtimes.

mod blocking;
mod smol;
