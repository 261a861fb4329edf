//! The history of Kubernetes objects: what changed in which fields, and who did it.

/// One object and its versions.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// for object in k.report().objects {
///     println!("{} {}: {} versions", object.resource, object.name, object.versions.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectHistory {
    /// The resource: `deployments.apps`.
    pub resource: String,
    /// `namespace/name`, or the name of an object of the whole cluster.
    pub name: String,
    /// The versions in order.
    pub versions: Vec<ObjectVersion>,
    /// Who owns which fields of the last version: `owned by op: spec.replicas, spec.template…`.
    pub owners: Vec<String>,
}

/// One version of an object.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// for version in k.report().objects.iter().flat_map(|object| &object.versions) {
///     println!("{} {} by {}", version.revision, version.change, version.by);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectVersion {
    /// The resourceVersion.
    pub revision: u64,
    /// `created`, `changed` or `deleted`.
    pub change: String,
    /// The number of the request that did it; `None`: the test itself, or the cluster.
    pub request: Option<u64>,
    /// Who did it, in words: `kubectl/v1.31, patch #3`.
    pub by: String,
    /// The field manager that the version's managedFields show.
    pub manager: Option<String>,
    /// What changed, without resourceVersion and managedFields.
    pub fields: Vec<FieldChange>,
}

/// One field that changed.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// for version in k.report().objects.iter().flat_map(|object| &object.versions) {
///     for field in &version.fields {
///         println!("{}: {:?} → {:?}", field.path, field.before, field.after);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldChange {
    /// The path as in kubectl: `.spec.replicas`, `.spec.containers[0].image`.
    pub path: String,
    /// What it was, as JSON.
    pub before: Option<String>,
    /// What it is, as JSON.
    pub after: Option<String>,
}
