//! Benchmarks: practice.

fn main() {
    divan::main();
}
