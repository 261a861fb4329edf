//! The files of a crate, and which of them names which: `use` lines and paths in code, through re-exports to the file that
//! defines what is named.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates that are published, by their folders.
pub(crate) const CRATES: &[&str] = &[
    "kmock",
    "kmock-macros",
    "kmock-macros/notation",
    "kmock-runtime",
    "kmock-runtime/apply",
    "kmock-runtime/cluster",
    "kmock-runtime/kubernetes",
];

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A module by its path inside of the crate; empty is the crate's root.
pub(crate) type Module = Vec<String>;

/// A path that a file names.
struct Named {
    path: Vec<String>,
    /// The name that it gets here, if it is imported.
    name: Option<String>,
    /// It is a `pub use`.
    exported: bool,
}

/// The sources of one crate.
pub(crate) struct Sources {
    files: BTreeMap<Module, PathBuf>,
    named: BTreeMap<Module, Vec<Named>>,
}

/// Which file names which others, and by which paths.
pub(crate) type Arrows = BTreeMap<Module, BTreeMap<Module, BTreeSet<String>>>;

impl Sources {
    /// The files of a crate, by its folder in the repository.
    pub(crate) fn files(folder: &str) -> BTreeMap<Module, PathBuf> {
        let top = root().join(folder).join("src");
        let mut files = BTreeMap::new();
        collect(&top, &top, &mut files);
        assert!(!files.is_empty(), "{folder} has no sources");
        files
    }

    /// Reads a crate by its folder in the repository.
    pub(crate) fn of(folder: &str) -> Sources {
        let top = root().join(folder).join("src");
        let files = Sources::files(folder);
        let mut named = BTreeMap::new();
        for (module, file) in &files {
            let text = fs::read_to_string(top.join(file)).unwrap();
            let tokens: TokenStream = text.parse().unwrap_or_else(|error| {
                panic!("{}: {error}", file.display());
            });
            let mut all = Vec::new();
            scan(tokens, &mut all);
            named.insert(module.clone(), all);
        }
        Sources { files, named }
    }

    pub(crate) fn file(&self, module: &Module) -> String {
        self.files
            .get(module)
            .map(|file| file.display().to_string())
            .unwrap_or_default()
    }

    /// All arrows between files. A module that only shows what its own rooms have does not count as naming them.
    pub(crate) fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (module, all) in &self.named {
            let own = arrows.entry(module.clone()).or_default();
            for named in all {
                let Some(target) = self.absolute(module, &named.path) else {
                    continue;
                };
                if named.exported && target.starts_with(module) {
                    continue;
                }
                let file = self.defines(&target, 0);
                if file != *module {
                    own.entry(file).or_default().insert(named.path.join("::"));
                }
            }
        }
        arrows
    }

    /// A path from the root of the crate; `None`: it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let first = path.first()?;
        if first == "crate" {
            return Some(path[1..].to_vec());
        }
        if first == "self" || first == "super" {
            let mut at = module.clone();
            let mut rest = path;
            while let Some((step, left)) = rest.split_first() {
                match step.as_str() {
                    "self" => {}
                    "super" => drop(at.pop()),
                    _ => break,
                }
                rest = left;
            }
            at.extend_from_slice(rest);
            return Some(at);
        }
        let mut child = module.clone();
        child.push(first.clone());
        if !self.files.contains_key(&child) {
            return None;
        }
        child.extend_from_slice(&path[1..]);
        Some(child)
    }

    /// The file that defines what a path names.
    fn defines(&self, path: &[String], depth: usize) -> Module {
        let mut length = path.len();
        while length > 0 && !self.files.contains_key(&path[..length]) {
            length -= 1;
        }
        let module = path[..length].to_vec();
        let Some(name) = path.get(length).filter(|_| depth < 8) else {
            return module;
        };
        let mut imports = self.named.get(&module).into_iter().flatten();
        let import = imports.find(|import| import.name.as_deref() == Some(name));
        match import.and_then(|import| self.absolute(&module, &import.path)) {
            Some(mut target) => {
                target.extend_from_slice(&path[length + 1..]);
                self.defines(&target, depth + 1)
            }
            None => module,
        }
    }
}

/// What a crate shows at its root, but for what it hides in its documentation: modules, and re-exports by their names here.
pub(crate) fn shown(folder: &str) -> BTreeSet<String> {
    let file = root().join(folder).join("src/lib.rs");
    let text = fs::read_to_string(file).unwrap();
    let tokens: Vec<TokenTree> = text.parse::<TokenStream>().unwrap().into_iter().collect();
    let mut out = BTreeSet::new();
    let (mut at, mut hidden) = (0, false);
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map(ToString::to_string);
        match (token.to_string().as_str(), next.as_deref()) {
            ("#", Some("!")) => {
                at += 3;
                continue;
            }
            ("#", Some(attribute)) => {
                hidden |= attribute.replace(' ', "").contains("doc(hidden)");
                at += 2;
                continue;
            }
            ("pub", Some("mod")) if !hidden => {
                let name = tokens.get(at + 2).map(ToString::to_string);
                out.insert(format!("mod {}", name.unwrap_or_default()));
            }
            ("pub", Some("use")) if !hidden => {
                let end = (at..tokens.len())
                    .find(|end| is_punct(tokens.get(*end), ';'))
                    .unwrap_or(tokens.len());
                let mut named = Vec::new();
                import(&tokens[at + 2..end], &mut Vec::new(), true, &mut named);
                out.extend(named.into_iter().filter_map(|named| named.name));
            }
            _ => {}
        }
        hidden = false;
        at = after_item(&tokens, at);
    }
    out
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(top).unwrap().to_owned();
            let mut module: Module = file
                .with_extension("")
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            files.insert(module, file);
        }
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// `::` at a place.
fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

/// Whether an attribute at a place says `#[cfg(test)]`.
pub(crate) fn is_cfg_test(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), '#')
        && matches!(tokens.get(at + 1), Some(TokenTree::Group(group))
            if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

fn scan(stream: TokenStream, out: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    let mut exported = false;
    while let Some(token) = tokens.get(at) {
        if is_cfg_test(&tokens, at) {
            at = after_item(&tokens, at + 2);
            continue;
        }
        match token {
            TokenTree::Ident(ident) if ident == "pub" => {
                exported = true;
                at += 1;
                continue;
            }
            TokenTree::Ident(ident) if ident == "use" => {
                let end = (at..tokens.len())
                    .find(|end| is_punct(tokens.get(*end), ';'))
                    .unwrap_or(tokens.len());
                import(&tokens[at + 1..end], &mut Vec::new(), exported, out);
                at = end;
            }
            TokenTree::Ident(_)
                if is_colons(&tokens, at + 1) && !(at >= 2 && is_colons(&tokens, at - 2)) =>
            {
                let mut path = Vec::new();
                while let Some(TokenTree::Ident(step)) = tokens.get(at) {
                    path.push(step.to_string());
                    if !is_colons(&tokens, at + 1) {
                        break;
                    }
                    at += 3;
                }
                out.push(Named {
                    path,
                    name: None,
                    exported: false,
                });
            }
            TokenTree::Group(group) => {
                // The scope of `pub(in …)` is no use.
                let is_scope = exported && group.delimiter() == Delimiter::Parenthesis;
                if !is_scope {
                    scan(group.stream(), out);
                } else {
                    at += 1;
                    continue;
                }
            }
            _ => {}
        }
        exported = false;
        at += 1;
    }
}

/// Behind the item that starts at a place: its body in braces, or its semicolon.
pub(crate) fn after_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return at,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return at,
            _ => {}
        }
    }
    at
}

/// The paths of a `use` tree.
fn import(tree: &[TokenTree], prefix: &mut Vec<String>, exported: bool, out: &mut Vec<Named>) {
    let length = prefix.len();
    let mut at = 0;
    let mut alias = None;
    loop {
        match tree.get(at) {
            Some(TokenTree::Ident(step)) if step == "as" => {
                alias = tree.get(at + 1).map(ToString::to_string);
                break;
            }
            Some(TokenTree::Ident(step)) => prefix.push(step.to_string()),
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(Some(token), ',')) {
                    if !part.is_empty() {
                        import(part, prefix, exported, out);
                    }
                }
                prefix.truncate(length);
                return;
            }
            Some(_) => {}
            None => break,
        }
        at += 1;
    }
    let mut path = prefix.clone();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    out.push(Named {
        name: alias.or_else(|| path.last().cloned()),
        path,
        exported,
    });
    prefix.truncate(length);
}
