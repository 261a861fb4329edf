//! The string notation: `"get /"`, `"post"`, `"/path?q=1"`, `"list pods.v1"`, `"watch kopf.dev/v1/kopfexamples"`.
//!
//! The crate `kmock_notation` reads it; here it becomes criteria.

use kmock_notation::{Fault, Head, Path, Value};

use crate::{
    criteria::{
        Criterion, Filter, FilterError, PathTemplate, Pattern, Place, glob::Glob,
        path::CaptureKind, pattern::Shape,
    },
    location::Location,
};

impl FilterError {
    /// What is wrong in a text.
    pub(crate) fn of(text: &str, fault: &Fault) -> FilterError {
        FilterError::new(format!("`{text}`: {fault}"))
    }
}

pub(crate) fn parse(text: &str, location: Location) -> Result<Filter, FilterError> {
    let head = kmock_notation::head(text).map_err(|fault| FilterError::of(text, &fault))?;
    Ok(match head {
        Head::Any => Filter::any(),
        Head::Path(path) => of_path(path_in(text), &path, location),
        Head::Method(name, path) => {
            let method = Filter::at(Criterion::Method(name), location);
            match path {
                Some(path) => method & of_path(path_in(text), &path, location),
                None => method,
            }
        }
        Head::Verb(verb, resource) => {
            let resource = resource.map(|resource| (last_word(text), resource));
            crate::cluster::filter(Some(verb), resource, location)
                .ok_or_else(|| not_spoken(text))?
        }
        Head::Resource(resource) => {
            let resource = Some((last_word(text), resource));
            crate::cluster::filter(None, resource, location).ok_or_else(|| not_spoken(text))?
        }
    })
}

/// The path in a text of the notation, which begins with the first slash.
fn path_in(text: &str) -> &str {
    text.find('/')
        .map_or("", |at| text[at..].trim_end().trim_end_matches('"'))
}

/// The resource in a text of the notation.
fn last_word(text: &str) -> &str {
    let word = text.split_whitespace().last().unwrap_or_default();
    word.trim_matches('"')
}

fn not_spoken(text: &str) -> FilterError {
    FilterError::new(format!(
        "`{text}` is for Kubernetes, which needs the cargo feature `kubernetes`"
    ))
}

/// A path template with an optional query: `/search?q=rust&page=*`.
pub(crate) fn path(text: &str, location: Location) -> Result<Filter, FilterError> {
    let path = kmock_notation::template(text).map_err(|fault| FilterError::of(text, &fault))?;
    Ok(of_path(text, &path, location))
}

fn of_path(text: &str, path: &Path, location: Location) -> Filter {
    let template = text.split('?').next().unwrap_or_default();
    let template = PathTemplate::new(template, path);
    let mut filter = Filter::at(Criterion::Path(template), location);
    for parameter in &path.query {
        let name = parameter.name.clone();
        let field = |pattern| Criterion::Field(Place::Query, name.clone(), pattern);
        let criterion = match &parameter.value {
            Value::Present => field(Pattern::present()),
            Value::Text(text) => field(Pattern::value(text)),
            Value::Glob(parts) => field(Pattern::of(Shape::Glob(Glob::of(parts.clone())))),
            Value::Capture(capture) => {
                Criterion::Captured(name.clone(), capture.name.clone(), CaptureKind::of(capture))
            }
        };
        filter = filter & Filter::at(criterion, location);
    }
    filter
}
