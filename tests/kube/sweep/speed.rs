//! How fast a sweep is: a figure, for a quiet machine and a release build.

use std::time::Instant;

use super::{gallery::leaked_data, *};

/// A test of about sixty requests, swept by some 1,500 runs: each fault, and pairs of them. It should take under ten
/// seconds on two cores.
#[test]
#[ignore = "a figure, for a quiet machine: see docs/sweep.md"]
fn fifteen_hundred_runs() {
    let options = TestOptions::new("fifteen_hundred_runs")
        .start_paused(true)
        .sweep(
            SweepOptions::new()
                .budget(Duration::from_secs(600))
                .without(&["rewound"])
                .faults(2)
                .share(0.073),
        );
    let began = Instant::now();
    run_sweep::<[(); 1], _>(options, |k: KMock| life(k, leaked_data::right));
    println!("{:.1} s", began.elapsed().as_secs_f64());
}
