//! How long it takes to find the rule for a request, without any I/O: `cargo bench --bench matching`.
//!
//! The cost must not grow with the number of rules that cannot match: literal paths are looked up, templates by their
//! first segment. Rules without a path are tried one after another; they are the case that has to grow.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kmock_runtime::{Filter, Rule, Rules, rules::Matcher};

const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

fn matching(c: &mut Criterion) {
    let kinds: [(&str, fn(usize) -> Filter, fn(usize) -> String); 3] = [
        (
            "literal",
            |n| format!("get /r/{n}").as_str().into(),
            |n| format!("/r/{n}"),
        ),
        (
            "template",
            |n| Filter::path(format!("/r{n}/{{id: u64}}")),
            |n| format!("/r{n}/7"),
        ),
        ("query", |n| Filter::query("n", n), |n| format!("/?n={n}")),
    ];
    for (kind, filter, target) in kinds {
        let mut group = c.benchmark_group(kind);
        for size in SIZES {
            let rules = Rules::from_iter((0..size).map(|n| Rule::on(filter(n)).text("ok")));
            let matcher = Matcher::new(rules);
            let target = target(size - 1);
            group.bench_with_input(BenchmarkId::from_parameter(size), &target, |b, target| {
                b.iter(|| assert!(matcher.finds("GET", target)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, matching);
criterion_main!(benches);
