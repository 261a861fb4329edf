//! Priority and fairness: by which FlowSchema, at which priority level a request is served. Nobody waits here and nobody is
//! turned away; what shows are the objects, their conditions, and two headers of each answer.
//!
//! Rules: `apiserver/pkg/util/flowcontrol/{rule,apf_controller}.go`.

pub(crate) mod defaults;
mod renewal;

use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::kinds::builtin::values::{at, items, text};
use crate::model::meta;
use crate::model::resource::ResourceKey;
use crate::model::user::User;
use crate::state::access::{Attributes, What};
use crate::state::change::{Edit, Reactor};
use crate::state::cluster::Cluster;
use crate::state::store::Event;

/// The group.
pub(crate) const GROUP: &str = "flowcontrol.apiserver.k8s.io";
/// The resource of flow schemas.
pub(crate) const SCHEMAS: &str = "flowschemas";
/// The resource of priority levels.
pub(crate) const LEVELS: &str = "prioritylevelconfigurations";

static LEVEL_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");
static SCHEMA_UID: HeaderName = HeaderName::from_static("x-kubernetes-pf-flowschema-uid");

/// Whether a place has flow schemas or priority levels.
pub(super) fn concerns(place: &ResourceKey) -> bool {
    &*place.group == GROUP
}

/// Puts right what of the server's own was taken away or changed, once a minute.
pub(super) fn renew(cluster: &Cluster) {
    renewal::run(cluster);
}

/// How long it takes until then, if anything is amiss.
pub(super) fn renews_in(cluster: &Cluster) -> Option<Duration> {
    renewal::next(cluster)
}

/// What an answer tells of a request's class.
#[derive(Debug, Clone)]
pub struct Class {
    level: HeaderValue,
    schema: HeaderValue,
}

impl Class {
    fn new(level: &str, schema: &str) -> Self {
        let header =
            |uid: &str| HeaderValue::from_str(uid).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self {
            level: header(level),
            schema: header(schema),
        }
    }

    /// Adds the headers.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.insert(&LEVEL_UID, self.level);
        headers.insert(&SCHEMA_UID, self.schema);
    }
}

/// A flow schema in force.
#[derive(Debug)]
struct Schema {
    rules: Value,
    class: Class,
}

/// What a cluster knows of its flow schemas.
#[derive(Debug, Default)]
struct Flows {
    /// In the order in which they are looked at.
    schemas: RwLock<Option<Arc<Vec<Schema>>>>,
    /// That of the system's masters, as long as nobody changed anything.
    exempt: OnceLock<Class>,
}

/// Where the schemas are.
static SCHEMAS_PLACE: LazyLock<ResourceKey> = LazyLock::new(|| ResourceKey::new(GROUP, SCHEMAS));

/// The class of a request. Requests that last have none, but for watches.
pub fn class(cluster: &Cluster, user: &User, asked: &Attributes<'_>) -> Option<Class> {
    if let What::Resource(resource) = &asked.what
        && matches!(
            &*resource.subresource,
            "attach" | "exec" | "log" | "portforward" | "proxy"
        )
    {
        return None;
    }
    let flows = cluster.room::<Flows>();
    // Whoever may do everything is exempt, and most clusters are never asked for their flow schemas.
    if user.is_privileged() && cluster.store().sleeps(&SCHEMAS_PLACE) {
        let exempt = flows.exempt.get_or_init(|| {
            let seed = cluster.options().seed;
            Class::new(
                &defaults::uid_of(seed, LEVELS, "exempt"),
                &defaults::uid_of(seed, SCHEMAS, "exempt"),
            )
        });
        return Some(exempt.clone());
    }
    renewal::run(cluster);
    let schemas = flows.in_force(cluster);
    let matches = |schema: &&Schema| {
        let rules = items(&schema.rules, &[]).iter();
        rules.into_iter().any(|rule| meets(rule, user, asked))
    };
    Some(schemas.iter().find(matches)?.class.clone())
}

impl Flows {
    fn in_force(&self, cluster: &Cluster) -> Arc<Vec<Schema>> {
        let known = self.schemas.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known {
            return Arc::clone(known);
        }
        drop(known);
        // Whoever changes something waits until this is written down, and takes it back.
        let mut known = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        let store = cluster.store();
        let levels = store.list(&ResourceKey::new(GROUP, LEVELS), "").objects;
        let mut all = store.list(&SCHEMAS_PLACE, "").objects;
        // Those of one precedence by their names, in which order they are.
        all.sort_by_key(|one| at(&one.value, &["spec", "matchingPrecedence"]).as_i64());
        let in_force = all.iter().filter_map(|one| {
            let level = text(&one.value, &["spec", "priorityLevelConfiguration", "name"]);
            let level = levels.iter().find(|one| one.name() == level)?;
            Some(Schema {
                rules: at(&one.value, &["spec", "rules"]).clone(),
                class: Class::new(level.uid(), one.uid()),
            })
        });
        let mut in_force: Vec<Schema> = in_force.collect();
        // Two are there even if somebody deleted them.
        let has = |name: &str| all.iter().any(|one| one.name() == name);
        let imagined = |name: &str| {
            let (level, schema) = defaults::schema(name)?;
            let level = levels.iter().find(|one| one.name() == level);
            Some(Schema {
                rules: schema["spec"]["rules"].clone(),
                class: Class::new(level.map_or("", |one| one.uid()), ""),
            })
        };
        if !has("exempt") {
            in_force.splice(0..0, imagined("exempt"));
        }
        if !has("catch-all") {
            in_force.extend(imagined("catch-all"));
        }
        let in_force = Arc::new(in_force);
        *known = Some(Arc::clone(&in_force));
        in_force
    }

    fn forget(&self) {
        let mut known = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        *known = None;
    }
}

fn has(list: &Value, key: &str, wanted: &str) -> bool {
    let listed = items(list, &[key]).iter().filter_map(Value::as_str);
    let mut listed = listed;
    listed.any(|one| one == "*" || one == wanted)
}

/// Whether one of the rules of a flow schema is about a user and a request.
fn meets(rule: &Value, user: &User, asked: &Attributes<'_>) -> bool {
    if !items(rule, &["subjects"]).iter().any(|one| is(one, user)) {
        return false;
    }
    match &asked.what {
        What::Resource(resource) => items(rule, &["resourceRules"]).iter().any(|rule| {
            has(rule, "verbs", &asked.verb)
                && has(rule, "resources", &resource.combined())
                && has(rule, "apiGroups", &resource.group)
                && match &*resource.namespace {
                    "" => rule["clusterScope"] == true,
                    namespace => has(rule, "namespaces", namespace),
                }
        }),
        What::Path(path) => items(rule, &["nonResourceRules"]).iter().any(|rule| {
            let mut urls = items(rule, &["nonResourceURLs"]).iter();
            has(rule, "verbs", &asked.verb)
                && urls.any(|url| is_path(url.as_str().unwrap_or_default(), path))
        }),
    }
}

fn is_path(rule: &str, path: &str) -> bool {
    if rule == "*" || rule == path {
        return true;
    }
    let folder = rule.trim_end_matches('*');
    let folder = folder.strip_suffix('/').unwrap_or(folder);
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

fn is(subject: &Value, user: &User) -> bool {
    let is = |key: &str, own: &str| {
        let name = text(subject, &[key, "name"]);
        name == "*" || name == own
    };
    match text(subject, &["kind"]) {
        "User" => is("user", &user.name),
        "Group" => {
            let group = text(subject, &["group", "name"]);
            group == "*" || user.is_in(group)
        }
        "ServiceAccount" => {
            let wanted = text(subject, &["serviceAccount", "namespace"]);
            user.as_service_account()
                .is_some_and(|(namespace, name)| namespace == wanted && is("serviceAccount", name))
        }
        _ => false,
    }
}

/// Takes note of changes, and tells each flow schema whether its priority level is there.
#[derive(Debug, Clone, Copy)]
pub struct FlowControl;

impl Reactor for FlowControl {
    fn written(&self, cluster: &Cluster, place: &ResourceKey, _event: &Arc<Event>) {
        if &*place.group != GROUP {
            return;
        }
        cluster.room::<Flows>().forget();
        let store = cluster.store();
        let levels = store.list(&ResourceKey::new(GROUP, LEVELS), "").objects;
        for schema in store.list(&SCHEMAS_PLACE, "").objects {
            let level = text(
                &schema.value,
                &["spec", "priorityLevelConfiguration", "name"],
            );
            let found = levels.iter().any(|one| one.name() == level);
            let wanted = dangling(found, level, &meta::rfc3339(cluster.now()));
            cluster.set(&SCHEMAS_PLACE, schema.key(), |current| {
                let Some(current) = current else {
                    return Edit::Keep;
                };
                let mut value = (*current.value).clone();
                let conditions = &mut value["status"]["conditions"];
                let others = items(conditions, &[]).iter();
                let others = others.filter(|one| text(one, &["type"]) != "Dangling");
                let mut all: Vec<Value> = others.cloned().collect();
                let known = items(conditions, &[]).iter().find(|known| {
                    ["type", "status", "reason", "message"]
                        .iter()
                        .all(|key| known[*key] == wanted[*key])
                });
                if known.is_some() {
                    return Edit::Keep;
                }
                all.push(wanted.clone());
                *conditions = all.into();
                Edit::Put(value)
            });
        }
        renewal::note(cluster);
    }
}

/// The condition of a flow schema.
fn dangling(found: bool, level: &str, now: &str) -> Value {
    let named = format!(
        "This FlowSchema references the PriorityLevelConfiguration object named {}",
        crate::model::status::quoted(level)
    );
    let (status, reason, message) = match found {
        true => ("False", "Found", format!("{named} and it exists")),
        false => (
            "True",
            "NotFound",
            format!("{named} but there is no such object"),
        ),
    };
    json!({
        "type": "Dangling", "status": status, "lastTransitionTime": now, "reason": reason, "message": message,
    })
}
