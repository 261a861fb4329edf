//! Golden expansions: `tests/expansion/NAME.in.rs` holds an invocation, `NAME.rs` what it expands to.
//! `KMOCK_BLESS=1 cargo test -p kmock-macros` writes the latter.

use std::{fs, path::PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use super::*;

/// Expands the one macro call or annotated function in a file.
fn expand(text: &str, editor: bool) -> (TokenStream, bool) {
    let tokens: TokenStream = text.parse().expect("tokens");
    let mut trees = tokens.into_iter();
    let Some(TokenTree::Ident(name)) = trees.next() else {
        // `#[kmock::test(…)] fn …`
        let rest: Vec<TokenTree> = trees.collect();
        let Some(TokenTree::Group(attribute)) = rest.first() else {
            panic!("an attribute")
        };
        let options = attribute
            .stream()
            .into_iter()
            .find_map(|tree| match tree {
                TokenTree::Group(group) => Some(group.stream()),
                _ => None,
            })
            .unwrap_or_default();
        return (
            crate::test_attr::test(options, &rest.into_iter().skip(1).collect()),
            true,
        );
    };
    let Some(TokenTree::Group(group)) = trees.nth(1) else {
        panic!("a macro call")
    };
    let inner = group.stream();
    let input = quote!(kmock; #inner);
    let expanded = if name == "assert_requests" {
        assert_requests(input, editor)
    } else {
        kmock(input, editor)
    };
    (expanded, false)
}

fn pretty(text: &str, editor: bool) -> String {
    let (tokens, item) = expand(text, editor);
    let file = if item {
        tokens.clone()
    } else {
        quote!(fn expansion() { #tokens })
    };
    match syn::parse2::<syn::File>(file) {
        Ok(file) => prettyplease::unparse(&file),
        // Code that is not finished cannot be laid out.
        Err(_) => format!("// unfinished\n{tokens}\n"),
    }
}

#[test]
fn expansions_are_as_reviewed() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expansion");
    let bless = std::env::var_os("KMOCK_BLESS").is_some();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&dir).expect("the directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let Some(stem) = name.strip_suffix(".in.rs") else {
            continue;
        };
        seen += 1;
        let text = fs::read_to_string(&path).expect("a text");
        let got = pretty(&text, stem.contains("editor"));
        let golden = dir.join(format!("{stem}.rs"));
        if bless {
            fs::write(&golden, &got).expect("writing");
        } else if fs::read_to_string(&golden).unwrap_or_default() != got {
            wrong.push(format!("{stem}:\n{got}"));
        }
    }
    assert!(seen > 10, "only {seen} golden expansions");
    assert!(
        wrong.is_empty(),
        "KMOCK_BLESS=1 writes them anew:\n{}",
        wrong.join("\n")
    );
}

/// Every mistake of a block is reported, and the good rules are kept.
#[test]
fn good_rules_stay_beside_mistakes() {
    let text = pretty(
        r#"kmock! { k,
            GTE "/a" => 200;
            GET "/good" => |req| req.body().clone();
            GET "/b" => sleep(1 sec), 42;
            "/c" header { X: "1" } => 404
            POST "/also-good" => 201;
        }"#,
        false,
    );
    assert_eq!(text.matches("compile_error").count(), 5, "{text}");
    for kept in [
        "\"/good\"",
        "reply_with",
        "\"/also-good\"",
        "status(201)",
        "\"/c\"",
        "status(404)",
    ] {
        assert!(text.contains(kept), "{kept} is lost: {text}");
    }
}

/// In an editor, what does not parse is kept too, so that completion works in it. Up to the cursor, the expansion is
/// that of the finished word.
#[test]
fn editors_see_broken_code() {
    for rule in [
        "GET \"/x\" => |req| req.^",
        "GET \"/x\" => || now.^",
        "GET \"/x\" => async |req| req.^",
        "GET \"/x\" => value.^",
        "GE^",
        "P^",
        "stream \"/x\" => [ |req| req.^ ]",
        "stream \"/x\" => [ b\"a\", [ || now.^, b\"b\" ], once [ b\"c\" ] ]",
        "stream \"/x\" => [ once [ async |req| req.^ ] ]",
        "stream \"/x\" => [ for i in 0..3 { i.^, b\"b\" } ]",
        "stream \"/x\" => [ wait(event.^), b\"b\" ]",
        "stream \"/x\" => [ sse { event: \"x\", data: value.^ } ]",
        "in_order! { GET \"/x\" => |req| req.^; }",
        "fallback { override { GET \"/x\" => |req| req.^; } }",
        "POST \"/x\" json { \"a\": { \"b\": (value.^) } } => 200",
        "GET \"/x\" query { \"page\": (n.^) } => 200",
        "GET \"/x\" where |req| req.^ => 200",
        "GET (path.^) => 200",
        "GET \"/x\" [n.^] => 200",
        "GET \"/x\" >> value.^ => 200",
        "#[expect(n.^)] GET \"/x\" => 200",
        "GET \"/x\" => { \"a\": value.^, \"b\": 1 }",
        "GET \"/x\" => header { \"X-A\": value.^ }, 200",
        "GET \"/x\" => sleep(pause.^), 200",
        "GET \"/x\" => hold(gate.^)",
        "GET \"/x\" => text (value.^)",
        "\"/users/{id: u64}\" => |req| req.^",
        // conditions and sinks, async ones, too
        "GET \"/x\" where async |req| req.^ => 200",
        "GET \"/x\" where || now.^ => 200",
        "GET \"/x\" where |req| req.json().^ => 200",
        "GET \"/x\" >> |req| req.^ => 200",
        "GET \"/x\" >> async |req| req.^",
        // words: of criteria, of replies
        "GET \"/x\" hea^",
        "GET \"/x\" query { \"a\": 1 } coo^",
        "lis^",
        "GET \"/x\" => tru^",
        "GET \"/x\" => 503, then red^",
        // what words are followed by
        "GET \"/x\" => 503, then |req| req.^",
        "GET \"/x\" => with (db) |req| req.^",
        "GET \"/x\" => redirect (to.^)",
        "GET \"/x\" => 404, problem (why.^)",
        "GET \"/x\" => 404, problem { \"detail\": why.^ }",
        "GET \"/x\" => 200, etag (tag.^)",
        "GET \"/x\" => 200, last_modified (time.^)",
        "GET \"/x\" => trailer { \"x\": sum.^ }",
        "GET \"/x\" => hint 103 { \"Link\": link.^ }, 200",
        "GET \"/x\" => file (path.^)",
        "GET \"/x\" => proxy (url.^)",
        "GET \"/x\" => truncate (n.^), 200",
        "GET \"/x\" => websocket (socket.^)",
        "GET \"/x\" => websocket [ |req| req.^ ]",
        "GET \"/x\" => stream (items.^)",
        "connection => limit (n.^)",
        "connection => certificate (shown.^)",
        "POST \"/x\" part \"f\" { text: (text.^) } => 200",
        "POST \"/x\" json any_order [ (first.^) ] => 200",
        "POST \"/x\" body (bytes.^) => 200",
        "list (resource.^) => 200",
        // gRPC, recordings, and the way of a request
        "grpc \"a.B/C\" mess^",
        "grpc \"a.B/C\" message { \"name\": (name.^) } => grpc OK",
        "grpc \"a.B/C\" => gr^",
        "grpc \"a.B/C\" => grpc { \"text\": text.^ }",
        "grpc \"a.B/C\" => grpc [ { \"n\": n.^ } ]",
        "grpc \"a.B/C\" => grpc [ |req| req.^ ]",
        "grpc \"a.B/C\" => grpc NOT_FOUND (why.^)",
        "grpc \"a.B/C\" => grpc (answer.^)",
        "grpc \"a.B/C\" => grpc |message| message.^",
        "grpc \"a.B/C\" => grpc [ { \"a\": 1 } ], grpc |message| { message.^ }",
        "GET \"/x\" => rec^",
        "GET \"/x\" => repl^",
        "GET \"/x\" => 413, unr^",
        "GET \"/x\" => goa^",
        "GET \"/x\" => record (url.^)",
        "GET \"/x\" => replay (file.^)",
        "GET \"/x\" => replay strict (file.^)",
        "PUT \"/x\" => 200, unread after (n.^)",
        "PUT \"/x\" => reset in upload (n.^)",
        "GET \"/x\" client_cert (subject.^) => 200",
        "POST \"/x\" trailer { \"x\": (sum.^) } => 201",
        "image \"x\" => exec |command, io| io.^",
        // clusters that live: fields, words, values, code
        "node \"a\" { cp^ }",
        "node \"a\" { cpu: 4, zon^ }",
        "node \"a\" { cpu: count.^ }",
        "node \"a\" { label: { \"disk\": disk.^ } }",
        "image \"web\" => exi^",
        "image \"web\" => log \"a\", rea^",
        "image \"web\" => log text.^",
        "image \"web\" => exit(code.^) after 5s",
        "image \"web\" => ready after (time.^)",
        "image \"web\" => async |c| c.^",
        "image \"web\" => exec async |command, io| io.^",
        "image (pattern.^) => exit(1)",
        "stage \"a\" wh^",
        "stage \"a\" when { \"spec\": (value.^) } => delete",
        "stage \"a\" => sta^",
        "stage \"a\" => status { \"ready\": (value.^) }",
    ] {
        let text = |word: &str| {
            let rule = rule.replace('^', word);
            let block =
                format!("kmock! {{ k, GET \"/a\" => 1000; {rule}; GET \"/good\" => 200; }}");
            expand(&block, true).0.to_string().replace(' ', "")
        };
        let (before, after) = (text(""), text("intellijRulezz"));
        // What is wrong is told at the end, and may name the word.
        let code = after.split("::core::compile_error").next();
        let words = code.unwrap_or_default().matches("intellijRulezz");
        assert_eq!(words.count(), 1, "{rule}: {after}");
        let (same, _) = after
            .split_once("intellijRulezz")
            .expect("the word is there");
        assert!(before.starts_with(same), "{rule}:\n{before}\n{after}");
        assert!(before.contains("\"/good\""), "{before}");
    }
    let compiled = expand("kmock! { k, GET \"/x\" => |req| req.; }", false)
        .0
        .to_string();
    assert!(!compiled.contains("req ."), "{compiled}");
}
