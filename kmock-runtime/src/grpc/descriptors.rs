//! What messages look like: the descriptors that a server was given.

use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions,
    prost::Message,
};
use serde_json::Value;

use crate::error::Error;

/// The descriptors of a server.
#[derive(Debug)]
pub(super) struct Descriptors(RwLock<DescriptorPool>);

impl Default for Descriptors {
    /// The well-known types of Protocol Buffers are known already.
    fn default() -> Descriptors {
        Descriptors(RwLock::new(DescriptorPool::global()))
    }
}

impl Descriptors {
    pub(super) fn add(&self, set: &[u8]) -> Result<(), Error> {
        let mut pool = self.0.write().unwrap_or_else(PoisonError::into_inner);
        pool.decode_file_descriptor_set(set)
            .map_err(|error| Error::invalid(format!("this is no descriptor set: {error}")))
    }

    /// All that is known now.
    pub(super) fn pool(&self) -> DescriptorPool {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The method of a path such as `/demo.Greeter/SayHello`.
    pub(super) fn method(&self, path: &str) -> Option<MethodDescriptor> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let pool = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let service = pool.get_service_by_name(service)?;
        service.methods().find(|known| known.name() == method)
    }

    /// JSON as a message of this name; `None` where nobody knows it.
    pub(super) fn encode(&self, name: &str, json: &Value) -> Option<Result<Vec<u8>, String>> {
        let pool = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kind = pool.get_message_by_name(name)?;
        Some(from_json(&kind, json.clone()))
    }
}

/// With the names of fields as the descriptors have them, numbers as numbers, and without what has its default.
pub(super) fn to_json(kind: &MessageDescriptor, message: &Bytes) -> Result<Value, String> {
    let message = DynamicMessage::decode(kind.clone(), message.clone())
        .map_err(|error| format!("this is no {}: {error}", kind.full_name()))?;
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(false)
        .skip_default_fields(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| error.to_string())
}

/// Names of fields may be as the descriptors have them, or as JSON does (ProtoJSON).
pub(super) fn from_json(kind: &MessageDescriptor, value: Value) -> Result<Vec<u8>, String> {
    let message = DynamicMessage::deserialize(kind.clone(), value)
        .map_err(|error| format!("this is no {}: {error}", kind.full_name()))?;
    Ok(message.encode_to_vec())
}
