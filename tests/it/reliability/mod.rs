//! Nothing breaks it: many connections, careless tests, sinks shared by servers, what is left behind.

mod attacks;
mod bounds;
mod browsers;
mod limits;
mod memory;
mod panics;
mod sinks;
mod sockets;
