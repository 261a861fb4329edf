//! Connections to the ports of a Pod, each with a number of its own.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::future::{Either, join, select};
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::state::kubelet::Kubelet;

/// So many bytes are on their way between a client and a container.
const WINDOW: usize = 64 << 10;

/// What happened on a connection.
pub(super) enum News {
    /// The container wrote something.
    Data(Bytes),
    /// It is over; the error: nobody listens at the port.
    Over(Result<(), String>),
}

/// All connections of a client. They end with this.
pub(super) struct Pipes {
    kubelet: Arc<dyn Kubelet>,
    pod: String,
    tasks: JoinSet<()>,
    inputs: HashMap<u32, mpsc::UnboundedSender<Bytes>>,
    tell: mpsc::Sender<(u32, News)>,
}

impl Pipes {
    /// None yet; and where their news come.
    pub(super) fn new(
        kubelet: &Arc<dyn Kubelet>,
        pod: &str,
    ) -> (Pipes, mpsc::Receiver<(u32, News)>) {
        let (tell, told) = mpsc::channel(16);
        let pipes = Pipes {
            kubelet: Arc::clone(kubelet),
            pod: pod.to_owned(),
            tasks: JoinSet::new(),
            inputs: HashMap::new(),
            tell,
        };
        (pipes, told)
    }

    /// Opens a connection to a port.
    pub(super) fn open(&mut self, number: u32, port: u16) {
        let (ours, theirs) = tokio::io::duplex(WINDOW);
        let (mut reader, mut writer) = split(ours);
        let (input, mut comes) = mpsc::unbounded_channel::<Bytes>();
        self.inputs.insert(number, input);
        let serving = self.kubelet.connect(&self.pod, port, Box::new(theirs));
        let tell = self.tell.clone();
        while self.tasks.try_join_next().is_some() {}
        self.tasks.spawn(async move {
            let reading = async {
                loop {
                    let mut data = BytesMut::with_capacity(16 << 10);
                    match reader.read_buf(&mut data).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    }
                    if tell
                        .send((number, News::Data(data.freeze())))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            };
            let writing = async {
                while let Some(data) = comes.recv().await {
                    if writer.write_all(&data).await.is_err() {
                        break;
                    }
                }
                // The other side sees that nothing more comes, and ends it when it likes.
                let _ = writer.shutdown().await;
                std::future::pending::<()>().await;
            };
            let served = pin!(join(serving, reading));
            let outcome = match select(served, pin!(writing)).await {
                Either::Left(((outcome, ()), _)) => outcome,
                Either::Right(((), _)) => Ok(()),
            };
            // The client may be gone.
            let _ = tell.send((number, News::Over(outcome))).await;
        });
    }

    /// Sends what the client wrote. Who reads no more does not keep the others from it.
    pub(super) fn write(&self, number: u32, data: Bytes) {
        if let Some(input) = self.inputs.get(&number) {
            let _ = input.send(data);
        }
    }

    /// The client writes no more.
    pub(super) fn end(&mut self, number: u32) {
        self.inputs.remove(&number);
    }
}
