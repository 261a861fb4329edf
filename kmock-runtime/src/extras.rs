//! What rooms of their own keep with a server, of which the others know nothing.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// One value of each type.
#[derive(Default)]
pub(crate) struct Extras(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Extras {
    /// The value of a type; it is made when it is first asked for.
    #[cfg_attr(
        not(feature = "grpc"),
        expect(dead_code, reason = "no room keeps anything")
    )]
    pub(crate) fn get<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = all
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::<T>::default());
        // It was put there by its type.
        Arc::clone(value).downcast().unwrap_or_default()
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Extras")
    }
}
