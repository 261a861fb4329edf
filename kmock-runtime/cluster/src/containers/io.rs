//! The streams of a command in a container, as its code sees them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, watch};

use super::handle::Container;
use crate::emulator::kubelet::{Output, Streams, TerminalSize};

/// Rests of a program that are longer than this are nothing to wait for: it is there to be there.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a command in a container is joined to: its input and output, and the terminal of the client.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// life.image("tools").exec(async |command, mut io| {
///     match command.first().map(String::as_str) {
///         Some("cat") => {
///             let all = io.rest().await;
///             io.write(all).await;
///             0
///         }
///         _ => {
///             io.write_error("there is only cat\n").await;
///             127
///         }
///     }
/// });
/// # }
/// ```
pub struct Io {
    container: Container,
    input: Input,
    output: Writer,
    errors: Writer,
    terminal: bool,
    size: watch::Receiver<Option<TerminalSize>>,
    /// It is the program of the container itself. True in it: one that comes to an end, so that its pauses are waited for.
    program: Option<bool>,
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
        let writer = |output| {
            Writer(Sink::Client {
                output,
                to: streams.output.clone(),
                terminal: streams.tty,
            })
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
            program: None,
        }
    }

    /// The streams of the program that a container is: it writes to the log.
    pub(crate) fn of_program(
        container: Container,
        input: Option<Input>,
        terminal: bool,
        ends: bool,
    ) -> Io {
        let writer = || {
            Writer(Sink::Log {
                container: container.clone(),
                terminal,
            })
        };
        let (_, size) = watch::channel(None);
        Io {
            input: input.unwrap_or(Input::of(&[])),
            output: writer(),
            errors: writer(),
            terminal,
            size,
            program: Some(ends),
            container,
        }
    }

    pub(crate) fn is_program(&self) -> bool {
        self.program.is_some()
    }

    /// Rests for a while.
    pub(crate) async fn pause(&self, time: Duration) {
        if self.program == Some(true) && time <= PATIENCE {
            self.container.rest(time).await;
        } else {
            tokio::time::sleep(time).await;
        }
    }

    pub(crate) fn sink(&self, errors: bool) -> Sink {
        let writer = if errors { &self.errors } else { &self.output };
        writer.0.clone()
    }

    pub(crate) fn swap_output(&mut self, sink: Sink) -> Sink {
        std::mem::replace(&mut self.output.0, sink)
    }

    pub(crate) fn swap_errors(&mut self, sink: Sink) -> Sink {
        std::mem::replace(&mut self.errors.0, sink)
    }

    pub(crate) fn swap_input(&mut self, input: Input) -> Input {
        std::mem::replace(&mut self.input, input)
    }

    /// The next line that somebody types, or that comes as it is. A terminal shows a prompt and what is typed.
    pub(crate) async fn typed(&mut self, prompt: &str) -> Option<String> {
        if !self.terminal {
            return self.line().await;
        }
        self.write(prompt).await;
        let mut line = Vec::new();
        loop {
            let mut data = self.read().await?;
            while !data.is_empty() {
                let byte = data.split_to(1);
                match byte.first() {
                    Some(b'\r' | b'\n') => {
                        self.write("\n").await;
                        self.input.give_back(&data);
                        return Some(String::from_utf8_lossy(&line).into_owned());
                    }
                    // The end of what is typed.
                    Some(4) if line.is_empty() => return None,
                    // What was typed is given up.
                    Some(3) => {
                        line.clear();
                        self.write(format!("^C\n{prompt}")).await;
                    }
                    // The last sign is taken back, if there is one.
                    Some(8 | 127) if line.pop().is_none() => {}
                    Some(8 | 127) => self.write("\u{8} \u{8}").await,
                    Some(other) => {
                        line.push(*other);
                        self.write(byte).await;
                    }
                    None => {}
                }
            }
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
pub(crate) struct Writer(Sink);

impl Writer {
    pub(crate) async fn write(&self, data: impl AsRef<[u8]>) {
        self.0.write(data.as_ref()).await;
    }
}

/// Where what is written goes.
#[derive(Clone)]
pub(crate) enum Sink {
    /// To who runs the command.
    Client {
        output: Output,
        to: mpsc::Sender<(Output, Bytes)>,
        terminal: bool,
    },
    /// To the log of the container.
    Log {
        container: Container,
        terminal: bool,
    },
    /// Into another command.
    Kept(Captured),
    Nowhere,
}

/// What a command wrote, for another one.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink {
    /// One that keeps what is written, and what it keeps.
    pub(crate) fn kept() -> (Sink, Captured) {
        let text = Captured::default();
        (Sink::Kept(text.clone()), text)
    }

    /// What was kept so far.
    pub(crate) fn taken(&self) -> Vec<u8> {
        match self {
            Sink::Kept(text) => text.take(),
            _ => Vec::new(),
        }
    }

    async fn write(&self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        match self {
            Sink::Client {
                output,
                to,
                terminal,
            } => {
                // The client may be gone; then the command ends soon.
                let _ = to.send((*output, shown(data, *terminal))).await;
            }
            Sink::Log {
                container,
                terminal,
            } => container.log(String::from_utf8_lossy(&shown(data, *terminal))),
            Sink::Kept(Captured(text)) => text
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(data),
            Sink::Nowhere => {}
        }
    }
}

/// What is seen of it: a terminal goes back to the begin of the line at the end of each.
fn shown(data: &[u8], terminal: bool) -> Bytes {
    if !terminal {
        return Bytes::copy_from_slice(data);
    }
    let mut shown = Vec::with_capacity(data.len() + 8);
    let mut before = 0;
    for byte in data {
        if *byte == b'\n' && before != b'\r' {
            shown.push(b'\r');
        }
        shown.push(*byte);
        before = *byte;
    }
    shown.into()
}

/// What is sent to a process.
///
/// ```no_run
/// # fn example(life: kmock_cluster::Life) {
/// life.image("echo").run(async |c| {
///     let Some(mut input) = c.stdin() else { return };
///     while let Some(line) = input.line().await {
///         c.log(format!("{line}\n"));
///     }
/// });
/// # }
/// ```
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

    /// What is there already.
    pub(crate) fn of(text: &[u8]) -> Input {
        Input {
            from: None,
            kept: BytesMut::from(text),
        }
    }

    /// Puts what was read too much before what comes.
    fn give_back(&mut self, data: &[u8]) {
        let mut all = BytesMut::from(data);
        all.extend_from_slice(&self.kept);
        self.kept = all;
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
