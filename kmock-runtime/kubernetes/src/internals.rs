//! What this repository's own crates, tests and benchmarks use beside what users name, by the rooms where it is. It changes
//! without notice.

#![allow(missing_docs, reason = "they are described where they are")]

pub mod api {
    pub use crate::api::Asked;

    pub mod body {
        pub use crate::api::body::Sent;
    }
    pub mod connect {
        pub use crate::api::connect::{CommandPlace, answer_command};
    }
    pub mod reply {
        pub use crate::api::reply::Unread;
    }

    pub mod authn {
        pub use crate::api::authn::{ClientCertificate, user};

        pub mod accounts {
            pub use crate::api::authn::accounts::root_certificate;
        }
        pub mod tokens {
            pub use crate::api::authn::tokens::ISSUER;
        }
    }
    pub mod authz {
        pub use crate::api::authz::authorize;
    }
    pub mod token {
        pub use crate::api::token::issue;
    }
}

pub mod doors {
    pub mod minimal_role {
        pub use crate::doors::minimal_role::yaml;
    }
    pub mod objects {
        pub use crate::doors::objects::{Objects, contains};
    }
    pub mod waits {
        pub use crate::doors::waits::told;
    }
}

pub mod kinds {
    pub use crate::kinds::built_ins;

    pub mod builtin {
        pub mod base64 {
            pub use crate::kinds::builtin::base64::{decode, encode};
        }
        pub mod amounts {
            pub use crate::kinds::builtin::amounts::{Amounts, of_pod, requests_with_overhead};
        }
        pub mod quantity {
            pub use crate::kinds::builtin::quantity::Quantity;
        }
        pub mod quota {
            pub use crate::kinds::builtin::quota::{DEVICES, used};
        }
        pub mod times {
            pub use crate::kinds::builtin::times::duration;
        }
    }
}

pub mod model {
    pub mod meta {
        pub use crate::model::meta::{rfc3339, rfc3339_micro};
    }
    pub mod names {
        pub use crate::model::names::subdomain_faults;
    }
    pub mod resource {
        pub use crate::model::resource::{Resource, ResourceKey};
    }
    pub mod selectors {
        pub use crate::model::selectors::{LabelSelector, Labels};
    }
    pub mod status {
        pub use crate::model::status::{ApiError, Details, qualified};
    }
}

pub mod state {
    pub mod access {
        pub use crate::state::access::{Attributes, ResourceAttributes, What};

        pub mod rbac {
            pub use crate::state::access::rbac::{Rule, cover};
        }
    }
    pub mod kubelet {
        pub use crate::state::kubelet::{
            Exit, Kubelet, LogOptions, Output, Probes, Process, Streams, TerminalSize, Usage,
        };
    }
    pub mod takeover {
        pub use crate::state::takeover::{Connection, Duplex, Takeover};
    }
    pub mod store {
        pub use crate::state::store::{
            Change, Event, StoredObject, Subscription, Write, caused_by,
        };
    }
}

pub mod text {
    pub use crate::text::digest;

    pub mod der {
        pub use crate::text::der::Element;
    }
    pub mod pem {
        pub use crate::text::pem::blocks;
    }

    #[cfg(feature = "yaml")]
    pub mod yaml {
        pub use crate::text::yaml::parse_all;
    }
}
