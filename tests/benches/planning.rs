//! Benchmarks: planning.

fn main() {
    divan::main();
}
