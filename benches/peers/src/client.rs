//! A plain blocking socket that asks for one path again and again: the same for every server, with nothing in between.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

pub(crate) struct Client {
    address: SocketAddr,
    socket: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    /// What the body ends with.
    end: &'static [u8],
}

impl Client {
    pub(crate) fn new(address: SocketAddr, path: &str) -> Client {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        Client::of(address, request.into_bytes(), b"ok")
    }

    /// The answer is a JSON object.
    pub(crate) fn json(address: SocketAddr, path: &str) -> Client {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        Client::of(address, request.into_bytes(), b"}")
    }

    fn of(address: SocketAddr, request: Vec<u8>, end: &'static [u8]) -> Client {
        let socket = TcpStream::connect(address).expect("connected");
        socket.set_nodelay(true).expect("set");
        Client {
            address,
            socket,
            request,
            buffer: vec![0; 64 << 10],
            end,
        }
    }

    /// The last answer as it came.
    pub(crate) fn answer(&self) -> String {
        let answer = self.buffer.split(|byte| *byte == 0).next();
        String::from_utf8_lossy(answer.unwrap_or_default()).into_owned()
    }

    /// One request and its answer, which must be 200 with the body that is expected.
    pub(crate) fn get(&mut self) {
        self.socket.write_all(&self.request).expect("written");
        let mut length = 0;
        loop {
            let read = self.socket.read(&mut self.buffer[length..]).unwrap_or(0);
            if read == 0 {
                // Some close the connection: it counts that another one is needed.
                *self = Client::of(self.address, std::mem::take(&mut self.request), self.end);
                return self.get();
            }
            length += read;
            let got = &self.buffer[..length];
            if let Some(head) = got.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(
                    got.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    String::from_utf8_lossy(got)
                );
                if got.trim_ascii_end().ends_with(self.end) && length > head + 4 {
                    return;
                }
            }
        }
    }
}
