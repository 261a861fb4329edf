//! gRPC as rules, with tonic and with Python's grpcio as clients: neither knows of kmock.

mod client;
mod greeter;
mod others;
mod rules;
mod talks;
