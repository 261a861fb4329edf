//! A service `demo.Greeter`: its descriptors as a build script would write them down, and its messages.

use prost_reflect::prost::{self, Message, Name};
use prost_reflect::prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto, ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

macro_rules! message {
    ($name:ident { $($number:literal $field:ident: $kind:ident $ty:ty),* }) => {
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $(pub(crate) $field: $ty,)*
        }

        impl Message for $name {
            fn encode_raw(&self, out: &mut impl bytes::BufMut) {
                $(
                    if self.$field != <$ty>::default() {
                        prost::encoding::$kind::encode($number, &self.$field, out);
                    }
                )*
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire: prost::encoding::WireType,
                buf: &mut impl bytes::Buf,
                ctx: prost::encoding::DecodeContext,
            ) -> Result<(), prost::DecodeError> {
                match tag {
                    $($number => prost::encoding::$kind::merge(wire, &mut self.$field, buf, ctx),)*
                    _ => prost::encoding::skip_field(wire, tag, buf, ctx),
                }
            }

            fn encoded_len(&self) -> usize {
                let mut out = Vec::new();
                self.encode_raw(&mut out);
                out.len()
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }

        impl Name for $name {
            const NAME: &'static str = stringify!($name);
            const PACKAGE: &'static str = "demo";
        }
    };
}

message!(HelloRequest { 1 name: string String });
message!(HelloReply { 1 text: string String, 2 count: int64 i64 });
message!(Detail { 1 field: string String });

pub(crate) fn descriptors() -> Vec<u8> {
    let field = |name: &str, number, kind: Type| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    };
    let message = |name: &str, field: Vec<FieldDescriptorProto>| DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..DescriptorProto::default()
    };
    let method = |name: &str| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".demo.HelloRequest".to_owned()),
        output_type: Some(".demo.HelloReply".to_owned()),
        server_streaming: Some(["Watch", "Chat"].contains(&name)),
        client_streaming: Some(["Gather", "Chat"].contains(&name)),
        ..MethodDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("demo.proto".to_owned()),
        package: Some("demo".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![
            message("HelloRequest", vec![field("name", 1, Type::String)]),
            message(
                "HelloReply",
                vec![
                    field("text", 1, Type::String),
                    field("count", 2, Type::Int64),
                ],
            ),
            message("Detail", vec![field("field", 1, Type::String)]),
        ],
        service: vec![ServiceDescriptorProto {
            name: Some("Greeter".to_owned()),
            method: ["SayHello", "Watch", "Gather", "Chat"].map(method).to_vec(),
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}
