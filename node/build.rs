//! Tells the linker what a library of Node needs on each system.

fn main() {
    napi_build::setup();
}
