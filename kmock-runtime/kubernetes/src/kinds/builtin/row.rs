//! What a row holds: all that tells one built-in kind from the others.
//!
//! Rows are constants ([`rows`](super::rows)); the strategy of a kind asks its row. What a kind must say has no
//! default here, so that nothing is forgotten silently: how a new object, a changed one and its status are validated,
//! and how it is printed.

use serde_json::Value;

use super::fields;
use super::printers::Printer;
use super::validate::{Faults, counts::Counts};
use super::values::at;
use crate::model::strategy::{Check, Claims, Context, Generation, Grace, NameRule};

/// Paths of fields.
pub(super) type Paths = &'static [&'static [&'static str]];

/// Looks at a new object.
type OfNew = fn(&mut Faults, &Context<'_>, &Value);
/// Looks at a changed object and at the stored one.
type OfChanged = fn(&mut Faults, &Context<'_>, &Value, &Value);

/// A built-in kind in one version.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its Go type: `apps.v1.Deployment`.
    pub(super) name: &'static str,
    /// How its objects live: names, generations, deletion.
    pub(super) life: Life,
    /// What the server changes of an object before it is validated.
    pub(super) prepare: Prepare,
    /// What is refused.
    pub(super) validate: Validate,
    /// The template of the pods that it makes.
    pub(super) template: Option<Template>,
    /// What is accepted but advised against.
    pub(super) warn: Warn,
    /// What field selectors can ask for.
    pub(super) labels: Labels,
    /// Its table; without one it has a name and an age.
    pub(super) print: Option<Print>,
}

/// What the API server does with every object of a kind: the answers of its strategy in `pkg/registry`.
#[derive(Debug)]
pub(super) struct Life {
    /// Which names are valid.
    pub(super) names: NameRule,
    /// PUT may create (`AllowCreateOnUpdate`).
    pub(super) create_on_update: bool,
    /// PUT needs no resourceVersion (`AllowUnconditionalUpdate`).
    pub(super) unconditional_update: bool,
    /// When the server counts generations.
    pub(super) generation: Generation,
    /// Whether a change is a new generation.
    pub(super) new_generation: fn(&Value, &Value) -> bool,
    /// The steps of its validation.
    pub(super) checks: Checks,
    /// Finalizers need a domain.
    pub(super) qualified_finalizers: bool,
    /// Deletion knows propagation policies.
    pub(super) propagates: bool,
    /// Why an object of that name cannot be deleted.
    pub(super) undeletable: fn(&str) -> Option<&'static str>,
    /// DELETE answers with the object.
    pub(super) delete_returns_object: bool,
    /// Dependents stay unless the request says otherwise.
    pub(super) orphans_by_default: bool,
    /// What DELETE warns of when no policy is given.
    pub(super) delete_warning: Option<&'static str>,
    /// What can belong to one object only.
    pub(super) claims: Option<Claims>,
    /// How long an object has before it is gone.
    pub(super) grace: fn(&Value, Option<i64>) -> Grace,
    /// A new object has no status yet, whatever it was sent with.
    pub(super) resets_status: bool,
    /// What a write through a subresource (empty: the object itself) cannot set.
    pub(super) reset: &'static [(&'static str, Paths)],
}

/// The object's writes leave its status alone, and those of the status the rest.
pub(super) const STATUS_APART: &[(&str, Paths)] = &[("", &[&["status"]]), ("status", &[&["spec"]])];

impl Life {
    pub(super) const COMMON: Life = Life {
        names: NameRule::Subdomain,
        create_on_update: false,
        unconditional_update: true,
        generation: Generation::Unmanaged,
        new_generation: |new, old| differs(new, old, &["spec"]),
        checks: Checks::COMMON,
        qualified_finalizers: true,
        propagates: true,
        undeletable: |_| None,
        delete_returns_object: false,
        orphans_by_default: false,
        delete_warning: None,
        claims: None,
        grace: |_, _| Grace::None,
        resets_status: true,
        reset: &[],
    };
}

/// The steps of the validation, in the server's order: faults are told in it.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) create: &'static [Check],
    pub(super) update: &'static [Check],
    pub(super) status: &'static [Check],
    /// Of the other subresources.
    pub(super) other: &'static [Check],
}

impl Checks {
    pub(super) const COMMON: Checks = Checks {
        create: &[Check::Metadata, Check::Own],
        update: &[Check::MetadataUpdate, Check::Own],
        status: &[Check::MetadataUpdate, Check::Own],
        other: &[Check::MetadataUpdate, Check::Own],
    };
}

/// What the server changes of an object before it is validated, beyond keeping status and spec apart.
#[derive(Debug)]
pub(super) struct Prepare {
    pub(super) create: fn(&Context<'_>, &mut Value),
    pub(super) update: fn(&Context<'_>, &mut Value, &Value),
    pub(super) status: fn(&Context<'_>, &mut Value, &Value),
    /// Keeps fields in step that say the same, as a round trip through the server's internal type does.
    pub(super) aliases: fn(&mut Value),
    /// Drops fields behind feature gates that are off, unless the stored object has them.
    pub(super) gated: fn(&mut Value, Option<&Value>),
}

impl Prepare {
    pub(super) const NOTHING: Prepare = Prepare {
        create: |_, _| {},
        update: |_, _, _| {},
        status: |_, _, _| {},
        aliases: |_| {},
        gated: |_, _| {},
    };
}

/// What is refused.
#[derive(Debug)]
pub(super) struct Validate {
    /// Of a new object.
    pub(super) create: OfNew,
    /// Of a changed one.
    pub(super) update: UpdateRule,
    /// Of one whose status is written.
    pub(super) status: StatusRule,
    /// Of one that is written through another subresource.
    pub(super) other: UpdateRule,
}

/// Nothing of a new object is refused.
pub(super) const NOTHING_TO_CHECK: OfNew = |_, _, _| {};

/// How a change is validated.
#[derive(Debug)]
pub(super) enum UpdateRule {
    /// Like a new object.
    AsCreated,
    /// Not at all: all that could be wrong is taken from the stored object.
    Unchecked,
    /// By rules of its own, which say themselves what a new object's rules are for.
    Own(OfChanged),
}

/// How a write of the status is validated.
#[derive(Debug)]
pub(super) enum StatusRule {
    /// There is no such subresource.
    Absent,
    /// Anything goes.
    Free,
    /// By these rules.
    Checked(OfChanged),
    /// By what its counts may be.
    Counted(&'static Counts),
}

/// Where a workload keeps its pod template.
#[derive(Debug)]
pub(super) struct Template {
    /// The keys that lead there.
    pub(super) keys: &'static [&'static str],
    /// The same as messages write it.
    pub(super) path: &'static str,
    /// The name of the object becomes part of host names.
    pub(super) names_hosts: bool,
}

/// What is advised against.
#[derive(Debug)]
pub(super) struct Warn {
    /// In an object.
    pub(super) object: fn(&mut Vec<String>, &Value),
    /// In a changed one, besides.
    pub(super) update: fn(&mut Vec<String>, &Value),
    /// In its status.
    pub(super) status: fn(&mut Vec<String>, &Value),
}

impl Warn {
    pub(super) const NOTHING: Warn = Warn {
        object: |_, _| {},
        update: |_, _| {},
        status: |_, _| {},
    };
}

/// The labels of field selectors.
#[derive(Debug)]
pub(super) struct Labels {
    /// Those that the kind declares, besides the object's name.
    pub(super) own: &'static [&'static str],
    /// The namespace is one: kinds without namespaces that list their labels leave it out.
    pub(super) namespace: bool,
    /// How another one is refused.
    pub(super) refusal: fn(&str) -> String,
}

impl Labels {
    pub(super) const COMMON: Labels = Labels {
        own: &[],
        namespace: true,
        refusal: fields::not_known,
    };
}

/// The table of a kind.
#[derive(Debug)]
pub(super) struct Print {
    /// `Ready, Restarts:integer, Node*` (`*`: only in wide output).
    pub(super) columns: &'static str,
    /// One for each column.
    pub(super) cells: fn(&Printer<'_>) -> Vec<Value>,
    /// What a row says beside its cells.
    pub(super) conditions: fn(&Value) -> Option<Value>,
}

/// A row says nothing beside its cells.
pub(super) const NO_CONDITIONS: fn(&Value) -> Option<Value> = |_| None;

/// What is said of resources that are never stored: reviews, bindings.
pub(super) const NEVER_STORED: Kind = Kind {
    name: "",
    life: Life::COMMON,
    prepare: Prepare::NOTHING,
    validate: Validate {
        create: NOTHING_TO_CHECK,
        update: UpdateRule::Unchecked,
        status: StatusRule::Absent,
        other: UpdateRule::Unchecked,
    },
    template: None,
    warn: Warn::NOTHING,
    labels: Labels::COMMON,
    print: None,
};

/// Whether a part of an object has changed.
pub(super) fn differs(new: &Value, old: &Value, path: &[&str]) -> bool {
    at(new, path) != at(old, path)
}
