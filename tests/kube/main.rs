//! kube-rs against the emulator: the production client, untouched.

mod access;
mod controller;
mod faults;
mod sweep;
mod typed;
