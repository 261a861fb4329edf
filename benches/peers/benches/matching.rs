//! How long it takes to find the rule for a request, without any I/O: `cargo bench --bench matching`.
//!
//! The cost must not grow with the number of rules that cannot match: methods, paths, their segments, hosts, headers and
//! queries are looked up. Regular expressions are tried one after another; they are the case that has to grow.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kmock_runtime::{Filter, Rule, Rules, rules::RuleMatcher};

const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

/// A kind of rules: the filter of the n-th, and a request that it takes, with its header `x-n`.
type Kind = (&'static str, fn(usize) -> Filter, fn(usize) -> String);

fn matching(c: &mut Criterion) {
    let kinds: [Kind; 8] = [
        (
            "literal",
            |n| format!("get /r/{n}").as_str().into(),
            |n| format!("/r/{n}"),
        ),
        (
            "first segment",
            |n| Filter::path(format!("/r{n}/{{id: u64}}")),
            |n| format!("/r{n}/7"),
        ),
        (
            "later segment",
            |n| Filter::path(format!("/users/{{id}}/x{n}")),
            |n| format!("/users/7/x{n}"),
        ),
        (
            "method",
            |n| Filter::method(format!("M{n}")) & Filter::path("/r"),
            |_| "/r".to_owned(),
        ),
        (
            "query",
            |n| Filter::path("/r") & Filter::query("n", n),
            |n| format!("/r?n={n}"),
        ),
        (
            "header",
            |n| Filter::header("x-n", n.to_string()),
            |_| "/".to_owned(),
        ),
        (
            "regex",
            |n| Filter::path_regex(&format!("/r/{n}/[a-z]+")),
            |n| format!("/r/{n}/x"),
        ),
        (
            "regex without a beginning",
            |n| Filter::path_regex(&format!(".*/r/{n}")),
            |n| format!("/x/r/{n}"),
        ),
    ];
    for (kind, filter, target) in kinds {
        let mut group = c.benchmark_group(kind);
        for size in SIZES {
            let rules = Rules::from_iter((0..size).map(|n| Rule::on(filter(n)).text("ok")));
            let matcher = RuleMatcher::new(rules);
            let last = size - 1;
            let method = match kind {
                "method" => format!("M{last}"),
                _ => "GET".to_owned(),
            };
            let request = matcher.request(&method, &target(last), ("x-n", &last.to_string()));
            let request = request.expect("a request");
            group.bench_with_input(BenchmarkId::from_parameter(size), &request, |b, request| {
                b.iter(|| assert!(matcher.finds(request)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
