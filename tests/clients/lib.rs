//! Clients without tokio: see `main.rs`.
