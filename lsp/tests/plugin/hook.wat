;; What hook.wasm was made of: a hook that keeps every prompt. The core module, embedded in the world `hook` of plugins/wit/v0.1
;; (`wasm-tools component embed` and `wasm-tools component new`).
(module
  (memory (export "memory") 2)
  (global $free (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (if (i32.gt_u (global.get $free) (i32.const 131072)) (then (unreachable)))
    (local.get $at))
  (func (export "nexus:plugin/lifecycle@0.1.0#start") (param i32 i32 i32) (result i32) (i32.const 64))
  (func (export "nexus:plugin/lifecycle@0.1.0#stop") (param i32) (result i32) (i32.const 64))
  (func (export "nexus:plugin/hook-guest@0.1.0#before-send") (param i32 i32 i32 i32) (result i32) (i32.const 64))
  (func (export "nexus:plugin/hook-guest@0.1.0#after-message") (param i32 i32 i32 i32 i32 i32)))
