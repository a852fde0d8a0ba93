// What the package offers is what `tests/conformance/surface` lists: a method that is added here alone fails.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const listed = JSON.parse(readFileSync(new URL('../../tests/conformance/surface/names.json', import.meta.url), 'utf8'))
const types = fileURLToPath(new URL('../dist/index.d.ts', import.meta.url))
const program = ts.createProgram([types], { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext })
const checker = program.getTypeChecker()
const snake = (name) => name.replace(/[A-Z]+(?![a-z])|[A-Z]/g, (letters) => `_${letters.toLowerCase()}`)

/** A symbol by its name, whatever module of the package it comes from. */
const exported = new Map(
  checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(types)))
    .map((symbol) => [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]),
)
const isClass = (symbol) => Boolean(symbol.flags & ts.SymbolFlags.Class)
const isError = (symbol) => symbol.name.endsWith('Error') || symbol.name === 'SystemFailure'
const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected

/** Public members that the class declares itself, by their names here. */
function members(symbol) {
  const own = [...(symbol.members?.values() ?? []), ...(symbol.exports?.values() ?? [])]
  const named = own.filter(({ name, declarations }) => {
    const isPlain = /^[a-z]\w*$/i.test(name) && name !== 'prototype'
    return isPlain && (declarations ?? []).every((declaration) => !(ts.getCombinedModifierFlags(declaration) & hidden))
  })
  return named.map(({ name }) => name)
}

/** What every asynchronous iterator has is no method of ours. */
const ITERATOR = new Set(['next', 'return', 'throw'])

test('classes have what is listed', () => {
  for (const [kind, names] of Object.entries(listed.classes)) {
    if (kind === 'accounts') continue
    const here = Object.keys(listed.only.node).flatMap((name) => (name.startsWith(`${kind}.`) ? [name.split('.')[1]] : []))
    const found = members(exported.get(kind)).filter((name) => !ITERATOR.has(name))
    assert.deepEqual(found.map(snake).sort(), [...names, ...here].sort(), kind)
  }
})

test('functions are those that are listed', () => {
  const functions = checker.getExportsOfModule(exported.get('accounts')).filter(({ flags }) => flags & ts.SymbolFlags.Function)
  assert.deepEqual(functions.map(({ name }) => snake(name)).sort(), listed.classes.accounts)
})

test('every public class is listed', () => {
  // Those of the operations are generated, and counted by `cargo xtask coverage`.
  const classes = [...exported].filter(([name, symbol]) => isClass(symbol) && !isError(symbol) && !/^Api/.test(name))
  assert.deepEqual(classes.map(([name]) => name).sort(), Object.keys(listed.classes).filter((name) => name !== 'accounts').sort())
})

test('errors are those that are listed', () => {
  const errors = [...exported].filter(([, symbol]) => isClass(symbol) && isError(symbol)).map(([name]) => name)
  assert.deepEqual(errors.sort(), listed.errors)
})
