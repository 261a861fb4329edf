//! What a server tells the clients of HTTP/2 about itself.

/// What the server says in SETTINGS when a connection of HTTP/2 begins (RFC 9113, 6.5.2); what is not said is hyper's choice.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example() -> Result<(), kmock_runtime::Error> {
/// use kmock::{Http2, KMock};
///
/// let k = KMock::builder().http2(Http2::new().streams(1).window(1024)).start().await?;
/// # drop(k);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "it is an option of a server: `KMock::builder().http2(…)`"]
pub struct Http2 {
    streams: Option<u32>,
    window: Option<u32>,
    head: Option<u32>,
    frame: Option<u32>,
}

impl Http2 {
    /// Nothing in particular.
    pub fn new() -> Http2 {
        Http2::default()
    }

    /// How many streams there may be at once (`SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub fn streams(mut self, most: u32) -> Http2 {
        self.streams = Some(most);
        self
    }

    /// How many bytes of a body a client may send before the server has read them (`SETTINGS_INITIAL_WINDOW_SIZE`): 65,535 at
    /// most here.
    pub fn window(mut self, bytes: u32) -> Http2 {
        self.window = Some(bytes.min(65_535));
        self
    }

    /// How large a head may be, in bytes (`SETTINGS_MAX_HEADER_LIST_SIZE`); larger ones are answered with 431.
    pub fn head(mut self, bytes: u32) -> Http2 {
        self.head = Some(bytes);
        self
    }

    /// How large a frame may be, in bytes, from 16,384 to 16,777,215 (`SETTINGS_MAX_FRAME_SIZE`).
    pub fn frame(mut self, bytes: u32) -> Http2 {
        self.frame = Some(bytes.clamp(16_384, 16_777_215));
        self
    }

    pub(crate) fn apply<E>(self, builder: &mut hyper_util::server::conn::auto::Builder<E>) {
        let mut http2 = builder.http2();
        if let Some(most) = self.streams {
            http2.max_concurrent_streams(most);
        }
        if let Some(bytes) = self.window {
            http2.initial_stream_window_size(bytes);
        }
        if let Some(bytes) = self.head {
            http2.max_header_list_size(bytes);
        }
        if let Some(bytes) = self.frame {
            http2.max_frame_size(bytes);
        }
    }
}
