//! kube-rs against the emulator: the production client, untouched.

mod controller;
mod faults;
mod sweep;
mod typed;
