//! A client of tonic, as generated code has it, but by hand.

use std::marker::PhantomData;

use prost_reflect::prost::Message;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::{Channel, Endpoint},
};

use crate::greeter::{HelloReply, HelloRequest};

struct Prost<T, U>(PhantomData<(T, U)>);

impl<T, U> Codec for Prost<T, U>
where
    T: Message + 'static,
    U: Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Half<T>;
    type Decoder = Half<U>;

    fn encoder(&mut self) -> Half<T> {
        Half(PhantomData)
    }

    fn decoder(&mut self) -> Half<U> {
        Half(PhantomData)
    }
}

struct Half<T>(PhantomData<T>);

impl<T: Message + 'static> Encoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl<T: Message + Default + 'static> Decoder for Half<T> {
    type Item = T;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<T>, Status> {
        T::decode(buf)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

pub(crate) struct Greeter(Grpc<Channel>);

pub(crate) fn hello(name: &str) -> HelloRequest {
    HelloRequest {
        name: name.to_owned(),
    }
}

impl Greeter {
    pub(crate) fn of(k: &kmock::KMock) -> Greeter {
        let endpoint = Endpoint::from_shared(k.url()).expect("a URL");
        Greeter(Grpc::new(endpoint.connect_lazy()))
    }

    /// Both sides of a conversation: where to say something, and what is heard.
    pub(crate) async fn chat(
        &mut self,
    ) -> Result<(UnboundedSender<HelloRequest>, Streaming<HelloReply>), Status> {
        self.ready().await;
        let path = http::uri::PathAndQuery::from_static("/demo.Greeter/Chat");
        let (say, said) = unbounded_channel();
        let said = futures::stream::unfold(said, async |mut said| Some((said.recv().await?, said)));
        let heard = self
            .0
            .streaming(Request::new(said), path, Prost(PhantomData))
            .await?;
        Ok((say, heard.into_inner()))
    }

    async fn ready(&mut self) {
        self.0.ready().await.expect("a connection");
    }

    pub(crate) async fn unary(
        &mut self,
        path: &'static str,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        self.ready().await;
        let path = http::uri::PathAndQuery::from_static(path);
        self.0.unary(request, path, Prost(PhantomData)).await
    }

    pub(crate) async fn watch(
        &mut self,
        request: Request<HelloRequest>,
    ) -> Result<Response<Streaming<HelloReply>>, Status> {
        self.ready().await;
        let path = http::uri::PathAndQuery::from_static("/demo.Greeter/Watch");
        self.0
            .server_streaming(request, path, Prost(PhantomData))
            .await
    }

    pub(crate) async fn gather(&mut self, names: &[&str]) -> Result<Response<HelloReply>, Status> {
        self.ready().await;
        let path = http::uri::PathAndQuery::from_static("/demo.Greeter/Gather");
        let messages: Vec<HelloRequest> = names.iter().map(|name| hello(name)).collect();
        let stream = futures::stream::iter(messages);
        self.0
            .client_streaming(Request::new(stream), path, Prost(PhantomData))
            .await
    }
}
