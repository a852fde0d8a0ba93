//! Extism, through the C interface of its library, as its own bindings use it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null_mut;

use serde_json::{Map, Value, json};

use crate::{LARGE, PLUGINS, SMALL, resident, timed};

type New = unsafe extern "C" fn(*const u8, u64, *const c_void, u64, bool, *mut *mut c_char) -> *mut c_void;
type Call = unsafe extern "C" fn(*mut c_void, *const c_char, *const u8, u64) -> i32;
type Length = unsafe extern "C" fn(*mut c_void) -> u64;
type Data = unsafe extern "C" fn(*mut c_void) -> *const u8;
type Free = unsafe extern "C" fn(*mut c_void);

/// The functions that are called.
#[derive(Clone, Copy)]
struct Library {
    new: New,
    call: Call,
    length: Length,
    data: Data,
    free: Free,
}

/// # Safety
/// The type must be that of the function.
unsafe fn symbol<T: Copy>(library: *mut c_void, name: &str) -> T {
    let name = CString::new(name).unwrap();
    // SAFETY: the handle is an open library, and the name ends with NUL.
    let found = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!found.is_null(), "the library has no {name:?}");
    assert_eq!(size_of::<T>(), size_of::<*mut c_void>());
    // SAFETY: a function's address is a pointer, and the caller answers for the type.
    unsafe { std::mem::transmute_copy(&found) }
}

impl Library {
    fn open(path: &str) -> Self {
        let name = CString::new(path).unwrap();
        // SAFETY: the path ends with NUL; what the library does when it is loaded is its own business.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        assert!(!library.is_null(), "{path} cannot be loaded");
        // SAFETY: these are the types of extism.h 1.x.
        unsafe {
            Self {
                new: symbol(library, "extism_plugin_new"),
                call: symbol(library, "extism_plugin_call"),
                length: symbol(library, "extism_plugin_output_length"),
                data: symbol(library, "extism_plugin_output_data"),
                free: symbol(library, "extism_plugin_free"),
            }
        }
    }
}

struct Plugin {
    library: Library,
    plugin: *mut c_void,
}

impl Plugin {
    fn open(library: Library, wasm: &[u8]) -> Self {
        let mut error = null_mut();
        // SAFETY: the bytes live through the call, and there are no functions of ours.
        let plugin = unsafe {
            (library.new)(wasm.as_ptr(), wasm.len() as u64, std::ptr::null(), 0, false, &raw mut error)
        };
        if plugin.is_null() {
            // SAFETY: without a plugin there is a message, which ends with NUL.
            panic!("{:?}", unsafe { CStr::from_ptr(error) });
        }
        Self { library, plugin }
    }

    fn call(&self, text: &str) -> String {
        // SAFETY: the plugin is open, the input lives through the call, and the output until the next one.
        unsafe {
            let done = (self.library.call)(self.plugin, c"echo".as_ptr(), text.as_ptr(), text.len() as u64);
            assert_eq!(done, 0);
            let length = (self.library.length)(self.plugin) as usize;
            let bytes = std::slice::from_raw_parts((self.library.data)(self.plugin), length);
            String::from_utf8(bytes.to_vec()).unwrap()
        }
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // SAFETY: it is open, and never used again.
        unsafe { (self.library.free)(self.plugin) }
    }
}

/// The text is copied into the plugin's memory and out of it, eight bytes at a time, as Extism's own kit for plugins does it.
fn echo(number: usize) -> Vec<u8> {
    let text = format!(
        r#"(module
          (import "extism:host/env" "input_length" (func $length (result i64)))
          (import "extism:host/env" "input_load_u64" (func $in8 (param i64) (result i64)))
          (import "extism:host/env" "input_load_u8" (func $in1 (param i64) (result i32)))
          (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
          (import "extism:host/env" "store_u64" (func $out8 (param i64 i64)))
          (import "extism:host/env" "store_u8" (func $out1 (param i64 i32)))
          (import "extism:host/env" "output_set" (func $set (param i64 i64)))
          (memory (export "memory") 4) (data (i32.const 0) "{number}")
          (func (export "echo") (result i32)
            (local $n i64) (local $at i64) (local $to i64)
            (local.set $n (call $length))
            (block $done (loop $more
              (br_if $done (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $n)))
              (i64.store offset=1024 (i32.wrap_i64 (local.get $at)) (call $in8 (local.get $at)))
              (local.set $at (i64.add (local.get $at) (i64.const 8))) (br $more)))
            (block $done (loop $more
              (br_if $done (i64.ge_u (local.get $at) (local.get $n)))
              (i32.store8 offset=1024 (i32.wrap_i64 (local.get $at)) (call $in1 (local.get $at)))
              (local.set $at (i64.add (local.get $at) (i64.const 1))) (br $more)))
            (local.set $to (call $alloc (local.get $n)))
            (local.set $at (i64.const 0))
            (block $done (loop $more
              (br_if $done (i64.gt_u (i64.add (local.get $at) (i64.const 8)) (local.get $n)))
              (call $out8 (i64.add (local.get $to) (local.get $at))
                (i64.load offset=1024 (i32.wrap_i64 (local.get $at))))
              (local.set $at (i64.add (local.get $at) (i64.const 8))) (br $more)))
            (block $done (loop $more
              (br_if $done (i64.ge_u (local.get $at) (local.get $n)))
              (call $out1 (i64.add (local.get $to) (local.get $at))
                (i32.load8_u offset=1024 (i32.wrap_i64 (local.get $at))))
              (local.set $at (i64.add (local.get $at) (i64.const 1))) (br $more)))
            (call $set (local.get $to) (local.get $n))
            (i32.const 0)))"#
    );
    wat::parse_str(text).unwrap()
}

pub fn measure(path: &str) -> Map<String, Value> {
    let library = Library::open(path);
    // The first of each is compiled; later ones come from Extism's own cache, where it has one.
    let guests: Vec<_> = (0..=PLUGINS).map(echo).collect();
    guests.iter().for_each(|guest| drop(Plugin::open(library, guest)));
    let plugin = Plugin::open(library, &guests[PLUGINS]);
    let before = resident();
    let plugins: Vec<_> = guests[..PLUGINS].iter().map(|guest| Plugin::open(library, guest)).collect();
    plugins.iter().for_each(|plugin| assert_eq!(plugin.call("x"), "x"));
    let memory = (resident() - before) / PLUGINS as f64;
    let (small, large) = ("x".repeat(SMALL), "x".repeat(LARGE));
    assert_eq!(plugin.call(&small), small);
    let mut figures = Map::new();
    let calls = |text: &str, n: usize| (0..n).for_each(|_| drop(plugin.call(text)));
    figures.insert("call_100_us".into(), json!(timed(20_000, |n| calls(&small, n))));
    figures.insert("call_100k_us".into(), json!(timed(200, |n| calls(&large, n))));
    let open = |n: usize| (0..n).for_each(|_| drop(Plugin::open(library, &guests[0])));
    figures.insert("open_us".into(), json!(timed(20, open)));
    figures.insert("memory_kb".into(), json!(memory));
    figures
}
