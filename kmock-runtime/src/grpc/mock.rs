//! What a server is told of messages.

use crate::{error::Error, grpc::descriptors::Descriptors, mock::KMock};

impl KMock {
    /// Lets the server read and write messages of gRPC as JSON: a set of descriptors with all that they import, as
    /// `protoc --include_imports --descriptor_set_out=FILE` and the build scripts of tonic and prost write it. Several add up.
    ///
    /// # Errors
    /// When this is no such set.
    pub fn descriptors(&self, set: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().extras.get::<Descriptors>().add(set.as_ref())
    }
}
