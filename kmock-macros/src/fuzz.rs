//! Fuzzing: tokens that begin as good invocations, fed as `tests/fuzz` does it (`KMOCK_FUZZ=60 cargo test fuzz::`).

#[path = "../../tests/fuzz/feed.rs"]
mod feed;

use std::{fs, path::PathBuf};

use proc_macro2::TokenStream;
use quote::quote;

use self::feed::feed;

/// What stands between the brackets of the invocations in `tests/expansion`.
fn invocations() -> Vec<String> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/expansion");
    let files = fs::read_dir(directory).expect("a directory");
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let mut all: Vec<String> = files
        .filter(|path| path.to_string_lossy().ends_with(".in.rs"))
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter_map(|text| {
            let (_, inside) = text.split_once(['{', '('])?;
            Some(
                inside
                    .trim_end()
                    .trim_end_matches(['}', ')', ';'])
                    .to_owned(),
            )
        })
        .collect();
    all.extend(
        [
            "k, GET \"/x/{id: u64}?q=*\" header { \"a\": ~\"b+\" } => 200, { \"n\": [1, null, \"x\"] }, sleep(5ms);",
            "let a = POST \"/\" >> |_r| {} => [ \"a\", sleep(1s), ..., b\"c\" ]; ANY @3 => pass;",
            "k, total == 2, \"get\" == 1, \"post /hello\" in 1..=3, a != 0",
            "list pods.v1 => 410; watch apps/v1/deployments => [ { \"type\": \"ADDED\" } ];",
        ]
        .map(str::to_owned),
    );
    // The order of a directory is nobody's.
    all.sort();
    all
}

/// Whatever the compiler reads as tokens is expanded, to tokens that are Rust: mistakes are `compile_error!`.
#[test]
fn tokens_of_the_macros() {
    let all = invocations();
    let seeds: Vec<&str> = all.iter().map(String::as_str).collect();
    feed("macro tokens", &seeds, |text| {
        let Ok(inner) = text.parse::<TokenStream>() else {
            return;
        };
        let input = quote!(kmock; #inner);
        for editor in [false, true] {
            let expanded = crate::expand::kmock(input.clone(), editor);
            if !editor {
                let block: syn::Result<syn::Block> = syn::parse2(quote!({ #expanded }));
                if let Err(why) = block {
                    panic!("{why}: {expanded}");
                }
            }
            drop(crate::expand::assert_requests(input.clone(), editor));
        }
        let item = quote!(async fn t(k: KMock) { #inner });
        drop(crate::test_attr::test(inner, &item));
    });
}

#[test]
fn texts_of_the_language() {
    let seeds = [
        "get /users/{id: u64}/posts/**?page=2&q=a%20b",
        "/x/*.json",
        "/{a}/{b: u8}/{rest**}?q={x}&y=*",
        "list deployments.v1.apps/status",
        "pods/log",
        "1h30m",
        "2.5s",
        "100us",
        "~/x/[a-z]+",
        "connect host:80",
        "https://a.example:8443/x?y#z",
    ];
    feed("texts of the language", &seeds, |text| {
        drop(kmock_notation::head(text));
        drop(kmock_notation::path(text));
        drop(kmock_notation::template(text));
        drop(kmock_notation::parts(text));
        drop(kmock_notation::resource(text));
        let canonical = kmock_notation::canonical_path(text);
        assert_eq!(kmock_notation::canonical_path(&canonical), canonical);
        drop(kmock_notation::decode_query(text));
        drop(kmock_notation::legal_target(text));
    });
}
