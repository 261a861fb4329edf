//! Mistakes about TLS, connections, recordings, gRPC and how answers go out: one a file.

mod certificate_kind;
mod certificate_of_request;
mod client_cert_subject;
mod connection_reply;
mod error_code;
mod grpc_async;
mod grpc_method;
mod grpc_status;
mod hint_status;
mod http_version;
mod record_url;
mod replay_order;
mod trailer_braces;
mod unread_after;
mod word_typo;

fn main() {}
