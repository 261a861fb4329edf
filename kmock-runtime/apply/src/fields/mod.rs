//! Field sets: which fields of an object somebody wrote.
//!
//! # What a field set is
//!
//! Server-side apply lets several programs share one object, so it must know who wrote what, down to the field.
//! It cannot say so with values; it says so with the *paths* that a value mentions. A set of such paths is a
//! field set. The schema decides how deep the paths go:
//!
//! ```text
//! the value                                  its field set
//!
//! metadata:                                  f:metadata
//!   labels: {app: web}                       └─ f:labels
//! spec:                                          └─ f:app          ◄ a key of a granular map
//!   replicas: 3                              f:spec
//!   selector: {matchLabels: {app: web}}      ├─ f:replicas         ◄ a scalar
//!   template:                                ├─ f:selector         ◄ atomic: owned whole, nothing below
//!     spec:                                  └─ f:template
//!       containers:                              └─ f:spec
//!       - name: c                                    └─ f:containers
//!         image: i                                       └─ k:{"name":"c"}    ◄ an item of a list of type map
//!                                                            ├─ .             ◄ the item itself
//!                                                            ├─ f:image
//!                                                            └─ f:name
//! ```
//!
//! A set is kept as that tree. The places marked `◄` are its members; the others only lead there. Two sets
//! are added, intersected and subtracted node by node, which is all that ownership needs:
//!
//! ```text
//!     live object ─┐                    ┌─ added, modified ∩ others' sets = conflicts
//!                  ├─ merge ─ compare ──┤
//!   applied config ┘    ▲               └─ removed: nobody owns that any more
//!         │             │
//!         └─ its set ───┤  what the manager applied last time and not now,
//!              last set ┘  and nobody else owns, is taken out of the object
//! ```
//!
//! # The rooms
//!
//! [`PathElement`] is one step of a path, [`Set`] the tree with its algebra and its `FieldsV1` codec. [`validate`],
//! [`to_set`], [`compare()`], [`merge()`], [`remove()`] and [`extract`] walk values along a
//! [`Schema`](crate::Schema). On top of them [`ManagedFields`] is what an object says about its
//! writers, and [`update`] and [`apply`] are what a [`Write`] does to it; `created` has the short way for new objects, and
//! `prune` takes out what an apply gives up. [`owners`] tells a person.
//!
//! The rules are those of the Go module `sigs.k8s.io/structured-merge-diff`.

mod codec;
mod compare;
mod created;
mod element;
mod managers;
mod merge;
mod owners;
mod prune;
mod reconcile;
mod remove;
mod scale;
mod set;
mod typed;
mod updater;
mod write;

pub use compare::{Comparison, compare};
pub use element::{PathElement, compare_values, equal_values};
pub use managers::{Entry, ManagedFields, Manager, Operation, manager_name};
pub use merge::merge;
pub use owners::owners;
pub use reconcile::reconcile;
pub use remove::{extract, remove};
pub use scale::{scale_to_object, scale_to_scale};
pub use set::Set;
pub use typed::{TypedErrors, to_set, validate};
pub use updater::{apply, managers_after, reread, same_but_managers, update};
pub use write::{ApplyError, Conflict, Write};
