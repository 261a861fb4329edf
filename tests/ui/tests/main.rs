//! Mistakes in `#[kmock::test]`: one a file.

mod test_argument_type;
mod test_flavor;
mod test_hostnames;
mod test_not_a_function;
mod test_option_sign;
mod test_option_twice;
mod test_option_type;
mod test_option_value;
mod test_paused_sync;
mod test_paused_threads;
mod test_reference;
mod test_report;
mod test_rstest_below;
mod test_sweep_without;
mod test_twice;
mod test_unknown_option;
mod test_workers;

fn main() {}
