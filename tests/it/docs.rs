//! The documents say what is there.

use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn the_fidelity_tables_name_every_recorded_scenario_and_no_other() {
    let text = fs::read_to_string(root().join("docs/fidelity.md")).expect("the document");
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.rsplit(" | `").next()?.split("` |").next())
        .filter(|name| name.split('/').count() == 2 && !name.contains(' '))
        .map(str::to_owned)
        .collect();
    let mut recorded = BTreeSet::new();
    let transcripts = root().join("kmock-runtime/kubernetes/tests/conformance/transcripts");
    for area in fs::read_dir(transcripts).expect("the transcripts") {
        let area = area.expect("an area").path();
        for file in fs::read_dir(&area).expect("an area") {
            let file = file.expect("a scenario").path();
            let part = |path: &Path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            };
            recorded.insert(format!("{}/{}", part(&area), part(&file)));
        }
    }
    assert_eq!(named, recorded);
}

/// Where the tests of a module are: `matching`, `grammar::heads`, `kube::operators`.
fn file_of(module: &str) -> std::path::PathBuf {
    match module.strip_prefix("kube::") {
        Some(module) => root().join(format!("tests/kube/{module}.rs")),
        None => root().join(format!("tests/it/{}.rs", module.replace("::", "/"))),
    }
}

/// Whether there is a test of this name: `matching::slices`, `grammar::heads::globs`, `ui::reply_set`.
fn is_a_test(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let file = match module {
        "cli" => root().join("kmock/tests/cli.rs"),
        "ui" => {
            let mut topics = fs::read_dir(root().join("tests/ui")).expect("the catalogue");
            return topics.any(|topic| {
                let topic = topic.expect("a topic").path();
                topic.join(format!("{function}.rs")).exists()
            });
        }
        module => file_of(module),
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    text.match_indices(&format!("fn {function}("))
        .any(|(at, _)| {
            // The attributes stand between the function and what comes before it.
            let before = text[..at].rsplit(['}', ';']).next().unwrap_or_default();
            before.contains("test")
        })
}

/// The cells of a row; a `\|` is no border.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_matches('|').replace("\\|", "\u{1}");
    line.split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}

#[test]
fn the_porting_table_names_a_test_for_each_row() {
    let text =
        fs::read_to_string(root().join("docs/porting-from-python.md")).expect("the document");
    let rows: Vec<Vec<String>> = text
        .lines()
        .filter(|line| {
            line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| Python")
        })
        .map(cells)
        .collect();
    assert!(rows.len() > 100, "{} rows", rows.len());
    for row in rows {
        let [_, _, tests] = row.as_slice() else {
            panic!("three columns: {row:?}");
        };
        let names: Vec<&str> = tests
            .split(", ")
            .map(|name| name.trim_matches('`'))
            .collect();
        assert!(!names.is_empty(), "{row:?}");
        for name in names {
            assert!(is_a_test(name), "no test `{name}`: {row:?}");
        }
    }
}

/// The repository's pages of its own files.
const REPOSITORY: &str = "https://github.com/kmock/kmock/blob/main/";

/// The targets of `[text](target)` and of `[text]: target`.
fn links(text: &str) -> Vec<&str> {
    let in_line = text.split("](").skip(1);
    let by_name = text.lines().filter(|line| line.starts_with('['));
    in_line
        .filter_map(|rest| rest.split(')').next())
        .chain(by_name.filter_map(|line| Some(line.split_once("]: ")?.1)))
        .collect()
}

/// What a registry and docs.rs show is not beside the other files of the repository.
#[test]
fn published_readmes_link_from_wherever_they_are_shown() {
    for name in [
        "README.md",
        "kmock-macros/README.md",
        "kmock-macros/notation/README.md",
        "kmock-runtime/README.md",
        "kmock-runtime/apply/README.md",
        "kmock-runtime/kubernetes/README.md",
    ] {
        let text = fs::read_to_string(root().join(name)).expect(name);
        for target in links(&text) {
            assert!(target.contains("://"), "{name} links to {target}");
            if let Some(file) = target.strip_prefix(REPOSITORY) {
                assert!(root().join(file).exists(), "{name} links to {target}");
            }
        }
    }
}

/// The packages that are published, by their folders.
fn published() -> Vec<std::path::PathBuf> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace");
    let members = manifest
        .lines()
        .find(|line| line.starts_with("members"))
        .expect("members");
    let folders = members.split('"').skip(1).step_by(2);
    folders
        .map(|folder| root().join(folder))
        .filter(|folder| {
            let own = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
            !own.contains("publish = false")
        })
        .collect()
}

/// MIT and Apache ask for their texts, and a package holds what is in its own folder only.
#[test]
fn packages_carry_their_readme_and_licences_and_no_recordings() {
    let packages = published();
    assert!(packages.len() >= 4, "{packages:?}");
    for folder in packages {
        for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let path = folder.join(file);
            assert!(path.exists(), "{} is not there", path.display());
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let include = manifest
            .lines()
            .find(|line| line.starts_with("include = "))
            .unwrap_or_else(|| panic!("{} packs everything", folder.display()));
        for file in ["README.md", "LICENSE-*"] {
            assert!(include.contains(file), "{}: {include}", folder.display());
        }
        assert!(!include.contains("transcripts"), "{}", folder.display());
    }
}

#[test]
fn documents_link_to_what_exists() {
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/cluster.md",
        "docs/grammar.md",
        "docs/grpc.md",
        "docs/transport.md",
        "docs/http.md",
        "docs/operators.md",
        "docs/coming-from.md",
        "docs/failures.md",
        "docs/performance.md",
        "docs/porting-from-python.md",
        "docs/precedence.md",
        "docs/fidelity.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).expect(name);
        let targets = links(&text).into_iter();
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().expect("a part");
            let linked = path.parent().expect("a folder").join(file);
            assert!(linked.exists(), "{name} links to {target}");
        }
    }
}

/// A recipe: its title, what is said of it, and the test.
struct Recipe<'a> {
    title: &'a str,
    says: String,
    code: &'a str,
}

impl Recipe<'_> {
    /// The lines of its rules.
    fn rules(&self) -> usize {
        let blocks = self.code.split("kmock! {").skip(1);
        let lines = blocks.map(|block| {
            let first = block.lines().next().unwrap_or_default();
            if first.trim_end().ends_with('}') {
                return 1;
            }
            let block = block.split("\n    }").next().unwrap_or(block);
            let lines = block.lines().skip(1).filter(|line| !line.trim().is_empty());
            // A block of one line is a rule.
            lines.count().max(1)
        });
        lines.sum()
    }

    fn lines(&self) -> usize {
        self.code.lines().count()
    }
}

/// The recipes of a file of tests, each below a comment `/// # Title`.
fn recipes(file: &str) -> Vec<Recipe<'_>> {
    let mut all = Vec::new();
    for part in file.split("\n/// # ").skip(1) {
        let (title, rest) = part.split_once('\n').expect("a title");
        let code = rest.find("#[kmock::test").expect("a test");
        let said = rest[..code].lines();
        let says: Vec<&str> = said
            .map(|line| line.trim_start_matches("///").trim())
            .collect();
        let test = &rest[code..];
        let end = test.find("\n}\n").expect("an end") + 2;
        all.push(Recipe {
            title,
            says: says.join("\n"),
            code: &test[..end],
        });
    }
    all
}

/// A page whose middle is made of tests. With `UPDATE=1` it is written anew.
fn made_of_tests(page: &str, tests: &str, expected: usize) {
    let file = fs::read_to_string(root().join(tests)).expect(tests);
    let recipes = recipes(&file);
    assert_eq!(recipes.len(), expected);
    let mut made = "| recipe | lines of rules | lines in all |\n|---|---|---|\n".to_owned();
    for recipe in &recipes {
        let anchor: String = recipe
            .title
            .to_lowercase()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '-' => Some(c),
                _ => None,
            })
            .collect();
        made += &format!(
            "| [{}](#{anchor}) | {} | {} |\n",
            recipe.title,
            recipe.rules(),
            recipe.lines()
        );
    }
    for recipe in &recipes {
        made += &format!(
            "\n## {}\n\n{}\n\n```rust\n{}\n```\n",
            recipe.title,
            recipe.says.trim(),
            recipe.code.trim_end()
        );
    }
    let path = root().join(page);
    let text = fs::read_to_string(&path).expect(page);
    let begin = format!("<!-- made of {tests}: begin -->\n");
    let end = format!("<!-- made of {tests}: end -->\n");
    let (head, rest) = text.split_once(&begin).expect("a beginning");
    let (old, tail) = rest.split_once(&end).expect("an end");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{head}{begin}{made}{end}{tail}")).expect("written");
        return;
    }
    assert_eq!(old, made, "{page} is old; run this with UPDATE=1");
}

#[test]
fn recipes_are_tests() {
    made_of_tests("docs/http.md", "tests/it/recipes.rs", 34);
}

#[test]
fn operators_are_tests() {
    made_of_tests("docs/operators.md", "tests/kube/operators.rs", 8);
}

/// The source of a test, with its attributes and with what the file says above all tests.
fn source_of(name: &str) -> String {
    let (module, function) = name.rsplit_once("::").expect("a module");
    let text = fs::read_to_string(file_of(module)).expect("the file");
    let at = text.find(&format!("fn {function}(")).expect("the test");
    let begin = text[..at].rfind("#[kmock::test").expect("its attribute");
    let end = text[at..].find("\n}\n").expect("its end");
    let shared = text.split("#[kmock::test").next().unwrap_or_default();
    format!("{shared}{}", &text[begin..at + end])
}

/// What stands between backticks.
fn snippets(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn coming_from_is_tests() {
    let text = fs::read_to_string(root().join("docs/coming-from.md")).expect("the document");
    let rows = text.lines().filter(|line| {
        line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| you wrote")
    });
    let mut count = 0;
    for row in rows.map(cells) {
        let [_, write, test] = row.as_slice() else {
            panic!("three columns: {row:?}");
        };
        let name = test.trim_matches('`');
        assert!(is_a_test(name), "no test `{name}`: {row:?}");
        let source = plain(&source_of(name));
        for snippet in snippets(write) {
            // Options are named where they are spoken of, and a parenthesis closes what another opened.
            let spoken = ["start_paused", ")"].contains(&snippet);
            assert!(
                spoken || source.contains(&plain(snippet)),
                "`{snippet}` is not in {name}"
            );
        }
        count += 1;
    }
    assert!(count > 55, "{count} rows");
}

/// The code of a text without its layout: formatting may move it.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect()
}

/// Whether all tests that a page shows stand in a file, and how many there are.
fn shown_as_they_stand(page: &str, file: &str) -> usize {
    let text = fs::read_to_string(root().join(page)).expect("the document");
    let tests = plain(&fs::read_to_string(root().join(file)).expect("the tests"));
    let shown: Vec<&str> = text
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    for one in &shown {
        assert!(tests.contains(&plain(one)), "not in the tests: {one}");
    }
    shown.len()
}

#[test]
fn the_tests_of_the_cluster_stand_as_they_are_shown() {
    assert_eq!(
        shown_as_they_stand("docs/cluster.md", "tests/it/cluster.rs"),
        12
    );
}

#[test]
fn the_tests_of_access_and_admission_stand_as_they_are_shown() {
    for page in ["access", "admission"] {
        let (shown, tests) = (format!("docs/{page}.md"), format!("tests/it/{page}.rs"));
        assert_eq!(shown_as_they_stand(&shown, &tests), 10, "{page}");
    }
}

#[test]
fn the_tests_of_the_transport_stand_as_they_are_shown() {
    let count = shown_as_they_stand("docs/transport.md", "tests/it/transport_page.rs");
    assert_eq!(count, 11);
    assert_eq!(
        shown_as_they_stand("docs/grpc.md", "tests/grpc/rules.rs"),
        2
    );
}

/// The texts of a list in a source: `const NAME: &[&str] = &[ "a", "b" ];`
fn listed<'a>(source: &'a str, name: &str) -> Vec<&'a str> {
    let (_, rest) = source
        .split_once(&format!("{name}: &[&str] = &["))
        .expect(name);
    let list = rest.split("];").next().expect("an end");
    list.split('"').skip(1).step_by(2).collect()
}

/// Words that are Rust's own cannot be names, and Rust completes them.
const OF_RUST: &[&str] = &["where", "in", "for"];

#[test]
fn every_word_of_the_language_completes_and_is_explained() {
    let macros = fs::read_to_string(root().join("kmock-macros/src/words.rs")).expect("the words");
    let items = fs::read_to_string(root().join("kmock/src/words.rs")).expect("the items");
    let (criteria, replies) = items.split_once("pub mod replies").expect("two modules");
    let grammar = fs::read_to_string(root().join("docs/grammar.md")).expect("the grammar");
    for (list, module) in [
        ("QUALIFIERS", criteria),
        ("REPLIES", replies),
        ("FAILURES", replies),
    ] {
        for word in listed(&macros, list) {
            if !OF_RUST.contains(&word) {
                let item = format!("\n        {word};\n");
                let at = module
                    .find(&item)
                    .unwrap_or_else(|| panic!("`{word}` does not complete"));
                let before = module[..at].lines().last().expect("a line");
                assert!(
                    before.trim().starts_with("///"),
                    "`{word}` is not explained"
                );
            }
            assert!(
                grammar.contains(&format!("`{word}")),
                "`{word}` is not in grammar.md"
            );
        }
    }
}
