//! Reflection: clients without descriptors of their own ask the server for them (grpc.reflection.v1, and v1alpha, which is the
//! same by another name).

use bytes::Bytes;
use prost_reflect::{
    DescriptorPool, FileDescriptor,
    prost::{
        DecodeError,
        encoding::{self, DecodeContext, WireType},
    },
};

use crate::{
    criteria::Filter,
    grpc::{Code, Grpc, descriptors::Descriptors},
    mock::KMock,
    rules::Rule,
};

impl KMock {
    /// Lets clients ask what there is: mounts a rule that answers server reflection (`grpc.reflection.v1` and `v1alpha`) out of
    /// [`KMock::descriptors`], for grpcurl and its kin. It is a fallback: rules of the test come first.
    #[track_caller]
    pub fn reflection(&self) -> Rule {
        let known = self.core().extras.get::<Descriptors>();
        let talk = Grpc::new().answer_bytes(move |asked| match Question::read(asked.clone()) {
            Ok(what) => Grpc::from(what.answer(&known.pool()).told(&asked)),
            Err(error) => {
                let why = format!("kmock: this is no question of reflection: {error}");
                Code::InvalidArgument.because(why).into()
            }
        });
        let asked = Filter::grpc("grpc.reflection.v1*.ServerReflection/ServerReflectionInfo");
        let rule = Rule::on(asked)
            .named("server reflection")
            .falling_back()
            .grpc(talk);
        self.mount(rule.clone());
        rule
    }
}

/// A question, as `ServerReflectionRequest` has it.
#[derive(Debug, Default, PartialEq)]
enum Question {
    #[default]
    Nothing,
    File(String),
    Symbol(String),
    /// By the message that is extended, and the number.
    Extension(String, i32),
    Extensions(String),
    Services,
}

impl Question {
    fn read(mut message: Bytes) -> Result<Question, DecodeError> {
        let mut asked = Question::default();
        while !message.is_empty() {
            let (tag, wire) = encoding::decode_key(&mut message)?;
            let mut text = || -> Result<String, DecodeError> {
                let mut text = String::new();
                encoding::string::merge(wire, &mut text, &mut message, DecodeContext::default())?;
                Ok(text)
            };
            match tag {
                3 => asked = Question::File(text()?),
                4 => asked = Question::Symbol(text()?),
                5 => {
                    let mut inner = Bytes::new();
                    let context = DecodeContext::default();
                    encoding::bytes::merge(wire, &mut inner, &mut message, context)?;
                    asked = Question::extension(inner)?;
                }
                6 => asked = Question::Extensions(text()?),
                7 => {
                    text()?;
                    asked = Question::Services;
                }
                _ => encoding::skip_field(wire, tag, &mut message, DecodeContext::default())?,
            }
        }
        Ok(asked)
    }

    fn extension(mut message: Bytes) -> Result<Question, DecodeError> {
        let (mut of, mut number) = (String::new(), 0);
        while !message.is_empty() {
            let (tag, wire) = encoding::decode_key(&mut message)?;
            let context = DecodeContext::default();
            match tag {
                1 => encoding::string::merge(wire, &mut of, &mut message, context)?,
                2 => encoding::int32::merge(wire, &mut number, &mut message, context)?,
                _ => encoding::skip_field(wire, tag, &mut message, context)?,
            }
        }
        Ok(Question::Extension(of, number))
    }

    fn answer(&self, pool: &DescriptorPool) -> Revealed {
        let absent = |what: String| Revealed::Error(Code::NotFound, format!("{what} is not known"));
        let found = |file: Option<FileDescriptor>, what: String| match file {
            Some(file) => Revealed::Files(with_imports(file)),
            None => absent(what),
        };
        match self {
            Question::Nothing => {
                let why = "the question is none that reflection has".to_owned();
                Revealed::Error(Code::InvalidArgument, why)
            }
            Question::File(name) => {
                found(pool.get_file_by_name(name), format!("the file {name:?}"))
            }
            Question::Symbol(name) => found(file_of(pool, name), format!("the symbol {name:?}")),
            Question::Extension(of, number) => {
                let message = pool.get_message_by_name(of);
                let extension = message.and_then(|message| {
                    let number = u32::try_from(*number).ok()?;
                    Some(message.get_extension(number)?.parent_file())
                });
                found(extension, format!("extension {number} of {of:?}"))
            }
            Question::Extensions(of) => match pool.get_message_by_name(of) {
                Some(message) => {
                    let numbers = message.extensions().map(|one| one.number()).collect();
                    Revealed::Extensions(of.clone(), numbers)
                }
                None => absent(format!("the message {of:?}")),
            },
            Question::Services => {
                let services = pool.services();
                Revealed::Services(services.map(|one| one.full_name().to_owned()).collect())
            }
        }
    }
}

/// Where a message, an enum, a service, an extension, or a member of one of them is declared.
fn file_of(pool: &DescriptorPool, name: &str) -> Option<FileDescriptor> {
    let whole = |name: &str| {
        let message = pool.get_message_by_name(name);
        let others = || {
            let one = pool.get_enum_by_name(name).map(|one| one.parent_file());
            let one = one.or_else(|| Some(pool.get_service_by_name(name)?.parent_file()));
            one.or_else(|| Some(pool.get_extension_by_name(name)?.parent_file()))
        };
        message.map(|one| one.parent_file()).or_else(others)
    };
    whole(name).or_else(|| {
        let (parent, member) = name.rsplit_once('.')?;
        let of_service = pool
            .get_service_by_name(parent)
            .is_some_and(|one| one.methods().any(|one| one.name() == member));
        let of_message = pool
            .get_message_by_name(parent)
            .is_some_and(|one| one.get_field_by_name(member).is_some());
        (of_service || of_message).then(|| whole(parent))?
    })
}

/// A file, and all that it imports, each once.
fn with_imports(file: FileDescriptor) -> Vec<Vec<u8>> {
    let mut files = vec![file];
    let mut at = 0;
    while let Some(file) = files.get(at).cloned() {
        for import in file.dependencies() {
            if !files.contains(&import) {
                files.push(import);
            }
        }
        at += 1;
    }
    files.iter().map(FileDescriptor::encode_to_vec).collect()
}

/// What is answered, as `ServerReflectionResponse` has it.
#[derive(Debug, PartialEq)]
enum Revealed {
    Files(Vec<Vec<u8>>),
    Extensions(String, Vec<u32>),
    Services(Vec<String>),
    Error(Code, String),
}

impl Revealed {
    /// With the question, which goes back.
    fn told(&self, asked: &[u8]) -> Bytes {
        let mut inner = Vec::new();
        let tag = match self {
            Revealed::Files(files) => {
                files.iter().for_each(|file| field(1, file, &mut inner));
                4
            }
            Revealed::Extensions(of, numbers) => {
                field(1, of.as_bytes(), &mut inner);
                for number in numbers {
                    encoding::uint32::encode(2, number, &mut inner);
                }
                5
            }
            Revealed::Services(names) => {
                for name in names {
                    let mut service = Vec::new();
                    field(1, name.as_bytes(), &mut service);
                    field(1, &service, &mut inner);
                }
                6
            }
            Revealed::Error(code, why) => {
                encoding::int32::encode(1, &(*code as i32), &mut inner);
                field(2, why.as_bytes(), &mut inner);
                7
            }
        };
        let mut told = Vec::new();
        field(2, asked, &mut told);
        field(tag, &inner, &mut told);
        told.into()
    }
}

fn field(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encoding::encode_key(tag, WireType::LengthDelimited, out);
    encoding::encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
