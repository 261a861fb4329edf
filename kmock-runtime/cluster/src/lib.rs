#![doc = include_str!("../README.md")]
//! # The rooms
//!
//! A [`Life`] brings an emulated [`Cluster`](kmock_kubernetes::Cluster) to life. Its parts are clients of the cluster like
//! any operator: they read its objects and make requests to it, and nothing else. Their requests carry objects instead of
//! text (`Sent`), and nobody writes answers that they do not read (`Unread`): all between is as for anybody. One task looks at one object at a time
//! ([`Plan`]: what is to be done), so that all of it is deterministic; it sleeps when nothing moves.
//!
//! - `controllers`: a room for each of kube-controller-manager's; `scheduler`, `kubelet`: what their names say;
//! - `containers`: what images do, by scripts and closures; `nodes`: nodes by declaration;
//! - `stages`: what other people's operators would do to their custom resources;
//! - `json`: the objects that they hold, shared where they are equal; `cache`: all that are known;
//! - `run`: the loop, and waiting until nothing moves; `explain`: why something does not come.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod amounts;
mod cache;
mod containers;
mod controller;
mod controllers;
mod explain;
mod glob;
mod hash;
mod json;
mod kind;
mod kubelet;
mod life;
mod nodes;
mod object;
mod plan;
mod pressure;
mod run;
mod scales;
mod scheduler;
mod seed;
mod shared;
mod signing;
mod stages;
mod usage;

/// What is used of the emulated API, by one name.
pub(crate) mod emulator {
    pub(crate) use kmock_kubernetes::{
        ApiBody, Clock, Cluster, Declaration,
        internals::api::{authn, body::Sent, connect, reply::Unread, token},
        internals::doors::objects,
        internals::kinds::{built_ins, builtin},
        internals::model::{meta, names, resource, selectors},
        internals::state::{kubelet, store, takeover},
        internals::text::{der, pem},
    };
}

pub use crate::containers::{Commands, Container, Image, Input, IntoExit, Io, Log, Network};
pub use crate::life::{Hold, Life, Parts};
pub use crate::nodes::Node;
pub use crate::run::{Settle, Unsettled};
pub use crate::signing::ToSign;
pub use crate::stages::Stage;

// What controllers are written with: nobody outside writes any.
#[doc(hidden)]
pub use crate::{
    cache::{Cache, Change},
    json::{Json, Key, Members},
    kind::Kind,
    plan::{Action, Deletion, Note, Plan, Wait},
};
