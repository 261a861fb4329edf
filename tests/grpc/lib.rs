//! kube-rs against the emulator: see `main.rs`.
