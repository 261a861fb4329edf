//! Tables: the form in which `kubectl get` asks for objects (`Accept: …;as=Table;g=meta.k8s.io;v=v1`).
//!
//! The columns and cells are the kinds' business ([`Printing::columns`], [`Printing::cells`]); here they become rows
//! with the part of the object that the client wants beside them.
//!
//! [`Printing::columns`]: crate::model::strategy::Printing::columns
//! [`Printing::cells`]: crate::model::strategy::Printing::cells

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::builtin;
use crate::model::path::Query;
use crate::model::status::{ApiError, quoted};
use crate::model::strategy::Column;
use crate::state::registry::Served;
use crate::wire::accept::MetaVersion;
use crate::wire::json;
use crate::wire::metadata_only;

/// What a row carries beside its cells (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// The object's metadata.
    Metadata,
    /// The object.
    Object,
}

impl Include {
    /// Reads the query parameter.
    pub fn read(query: &Query) -> Result<Self, ApiError> {
        match query.get("includeObject").unwrap_or_default() {
            "" | "Metadata" => Ok(Self::Metadata),
            "Object" => Ok(Self::Object),
            "None" => Ok(Self::None),
            other => Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', \
                 'Object', 'None', or empty",
                quoted(other)
            ))),
        }
    }
}

const UNPRINTED: [Column<'static>; 2] = [
    Column {
        name: "Name",
        kind: "string",
        format: "name",
        priority: 0,
    },
    Column {
        name: "Created At",
        kind: "date",
        format: "",
        priority: 0,
    },
];

/// The columns of the `Scale`s of built-in resources; those of custom ones differ in two details.
const SCALE: [Column<'static>; 4] = [
    column("Name", "string"),
    column("Desired", "integer"),
    column("Available", "integer"),
    column("Age", "string"),
];

const fn column(name: &'static str, kind: &'static str) -> Column<'static> {
    Column {
        name,
        kind,
        format: "",
        priority: 0,
    }
}

/// How the tables of one request are made.
#[derive(Debug, Clone)]
pub struct Tables {
    rows: Rows,
    version: MetaVersion,
    include: Include,
}

/// What the rows are about.
#[derive(Debug, Clone)]
enum Rows {
    Objects(Served),
    Scales { custom: bool },
}

impl Rows {
    /// The columns; `None` is the default printer.
    fn columns(&self) -> Option<Vec<Column<'_>>> {
        let custom = match self {
            Self::Objects(served) => return served.strategy.columns(&served.resource),
            Self::Scales { custom } => *custom,
        };
        let mut columns = SCALE;
        if custom {
            let [name, .., age] = &mut columns;
            (name.format, age.kind) = ("name", "date");
        }
        Some(columns.to_vec())
    }

    fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        match self {
            Self::Objects(served) => served.strategy.cells(&served.resource, object, now),
            Self::Scales { .. } => builtin::scale_cells(object, now),
        }
    }

    fn conditions(&self, object: &Value) -> Option<Value> {
        match self {
            Self::Objects(served) => served.strategy.row_conditions(&served.resource, object),
            Self::Scales { .. } => None,
        }
    }
}

impl Tables {
    /// Tables of a resource.
    pub fn new(served: Served, version: MetaVersion, include: Include) -> Self {
        Self {
            rows: Rows::Objects(served),
            version,
            include,
        }
    }

    /// Tables of the `Scale`s of built-in or custom resources.
    pub fn of_scales(custom: bool, version: MetaVersion, include: Include) -> Self {
        Self {
            rows: Rows::Scales { custom },
            version,
            include,
        }
    }

    /// A table as JSON text. `metadata` is that of the list or object, `objects` are in the served version;
    /// `headers` is false for all but the first event of a watch.
    pub fn table(
        &self,
        metadata: &Value,
        objects: &[Value],
        now: Timestamp,
        headers: bool,
    ) -> Vec<u8> {
        let columns = self.rows.columns();
        let mut out = Vec::with_capacity(512 + objects.len() * 512);
        out.extend_from_slice(b"{\"kind\":\"Table\",\"apiVersion\":\"");
        out.extend_from_slice(self.version.api_version().as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        json::write(&mut out, metadata, None);
        out.extend_from_slice(b",\"columnDefinitions\":");
        if headers {
            definitions(&mut out, columns.as_deref().unwrap_or(&UNPRINTED));
        } else {
            out.extend_from_slice(b"null");
        }
        out.extend_from_slice(b",\"rows\":");
        if objects.is_empty() && columns.is_none() {
            out.extend_from_slice(b"null}");
            return out;
        }
        out.push(b'[');
        for (i, object) in objects.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            // The server prints its internal form, but shows the object as it was asked for.
            let internal = builtin::internal(object);
            let printed = internal.as_ref().unwrap_or(object);
            let cells = if columns.is_some() {
                self.rows.cells(printed, now)
            } else {
                unprinted(printed)
            };
            out.extend_from_slice(b"{\"cells\":");
            json::write(&mut out, &Value::Array(cells), None);
            if let Some(conditions) = self.rows.conditions(printed) {
                out.extend_from_slice(b",\"conditions\":");
                json::write(&mut out, &conditions, None);
            }
            out.extend_from_slice(b",\"object\":");
            match self.include {
                Include::None => out.extend_from_slice(b"null"),
                Include::Metadata => {
                    out.extend_from_slice(&metadata_only::partial(printed, self.version));
                }
                Include::Object => json::write(&mut out, object, json::order_of(object)),
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        out
    }
}

/// The cells of a kind without a printer.
fn unprinted(object: &Value) -> Vec<Value> {
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let created = metadata
        .get("creationTimestamp")
        .filter(|time| time.is_string());
    vec![
        metadata.get("name").cloned().unwrap_or_else(|| "".into()),
        created
            .cloned()
            .unwrap_or_else(|| "0001-01-01T00:00:00Z".into()),
    ]
}

fn definitions(out: &mut Vec<u8>, columns: &[Column<'_>]) {
    out.push(b'[');
    for (i, column) in columns.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        for (key, text) in [
            (&b"{\"name\":"[..], column.name),
            (b",\"type\":", column.kind),
            (b",\"format\":", column.format),
            (b",\"description\":", ""),
        ] {
            out.extend_from_slice(key);
            json::write_string(out, text);
        }
        out.extend_from_slice(format!(",\"priority\":{}}}", column.priority).as_bytes());
    }
    out.push(b']');
}

/// The metadata of a table of one object.
pub fn metadata_of(object: &Value) -> Value {
    let version = object
        .get("metadata")
        .and_then(|m| m.get("resourceVersion"));
    version.map_or_else(|| json!({}), |version| json!({"resourceVersion": version}))
}
