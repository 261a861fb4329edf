//! Tables: the form in which `kubectl get` asks for objects (`Accept: …;as=Table;g=meta.k8s.io;v=v1`).
//!
//! The columns and cells are the kinds' business ([`Strategy::columns`], [`Strategy::cells`]); here they become rows
//! with the part of the object that the client wants beside them.
//!
//! [`Strategy::columns`]: super::serve::strategy::Strategy::columns
//! [`Strategy::cells`]: super::serve::strategy::Strategy::cells
