//! kube-rs against the emulator: the production client, untouched.

mod access;
mod admission;
mod controller;
mod faults;
mod operators;
mod over_tls;
mod streams;
mod sweep;
mod typed;
mod workloads;
