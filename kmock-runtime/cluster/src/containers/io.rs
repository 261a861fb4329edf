//! The streams of a command in a container, as its code sees them.

use std::fmt;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, watch};

use super::handle::Container;
use crate::emulator::kubelet::{Output, Streams, TerminalSize};

/// What a command in a container is joined to: its input and output, and the terminal of the client.
pub struct Io {
    container: Container,
    input: Input,
    output: Writer,
    errors: Writer,
    terminal: bool,
    size: watch::Receiver<Option<TerminalSize>>,
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io")
            .field("container", &self.container)
            .field("terminal", &self.terminal)
            .finish_non_exhaustive()
    }
}

impl Io {
    pub(crate) fn new(container: Container, streams: Streams) -> Io {
        let writer = |output| Writer {
            output,
            to: streams.output.clone(),
        };
        Io {
            container,
            input: Input {
                from: streams.stdin,
                kept: BytesMut::new(),
            },
            output: writer(Output::Out),
            errors: writer(Output::Err),
            terminal: streams.tty,
            size: streams.size,
        }
    }

    /// The container in which the command runs.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// The next bytes of its input; `None`: nothing more comes.
    pub async fn read(&mut self) -> Option<Bytes> {
        self.input.read().await
    }

    /// The next line of its input, without its end; `None`: nothing more comes.
    pub async fn line(&mut self) -> Option<String> {
        self.input.line().await
    }

    /// All of its input to the end.
    pub async fn rest(&mut self) -> Bytes {
        self.input.rest().await
    }

    /// Writes to its output.
    pub async fn write(&self, data: impl AsRef<[u8]>) {
        self.output.write(data).await;
    }

    /// Writes to its errors; a terminal shows them with the output.
    pub async fn write_error(&self, data: impl AsRef<[u8]>) {
        self.errors.write(data).await;
    }

    pub(crate) fn errors(&self) -> Writer {
        self.errors.clone()
    }

    /// Whether the client has a terminal (`kubectl exec -t`).
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The width and the height of the terminal, in characters, once the client has said them.
    pub fn size(&self) -> Option<(u16, u16)> {
        let size = *self.size.borrow();
        size.map(|size| (size.width, size.height))
    }

    /// Waits until the terminal has another size; `None`: it never will.
    pub async fn resized(&mut self) -> Option<(u16, u16)> {
        self.size.changed().await.ok()?;
        let size = *self.size.borrow_and_update();
        size.map(|size| (size.width, size.height))
    }
}

/// One of the two outputs.
#[derive(Clone)]
pub(crate) struct Writer {
    output: Output,
    to: mpsc::Sender<(Output, Bytes)>,
}

impl Writer {
    pub(crate) async fn write(&self, data: impl AsRef<[u8]>) {
        let data = Bytes::copy_from_slice(data.as_ref());
        if !data.is_empty() {
            // The client may be gone; then the command ends soon.
            let _ = self.to.send((self.output, data)).await;
        }
    }
}

/// What is sent to a process.
pub struct Input {
    from: Option<mpsc::UnboundedReceiver<Bytes>>,
    kept: BytesMut,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Input(…)")
    }
}

impl Input {
    pub(crate) fn new(from: mpsc::UnboundedReceiver<Bytes>) -> Input {
        Input {
            from: Some(from),
            kept: BytesMut::new(),
        }
    }

    async fn more(&mut self) -> Option<Bytes> {
        self.from.as_mut()?.recv().await
    }

    /// The next bytes; `None`: nothing more comes.
    pub async fn read(&mut self) -> Option<Bytes> {
        if !self.kept.is_empty() {
            return Some(self.kept.split().freeze());
        }
        self.more().await
    }

    /// The next line, without its end; `None`: nothing more comes.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.kept.iter().position(|byte| *byte == b'\n') {
                let line = self.kept.split_to(at + 1);
                let line = String::from_utf8_lossy(&line);
                let line = line.strip_suffix('\n').unwrap_or(&line);
                return Some(line.strip_suffix('\r').unwrap_or(line).to_owned());
            }
            match self.more().await {
                Some(data) => self.kept.extend_from_slice(&data),
                None if self.kept.is_empty() => return None,
                None => {
                    let line = self.kept.split();
                    return Some(String::from_utf8_lossy(&line).into_owned());
                }
            }
        }
    }

    /// All that comes to the end.
    pub async fn rest(&mut self) -> Bytes {
        while let Some(data) = self.more().await {
            self.kept.extend_from_slice(&data);
        }
        self.kept.split().freeze()
    }
}
