//! Benchmarks: timeline.

fn main() {
    divan::main();
}
