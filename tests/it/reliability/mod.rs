//! Nothing breaks it: many connections, careless tests, sinks shared by servers, what is left behind.

mod sinks;
mod sockets;
