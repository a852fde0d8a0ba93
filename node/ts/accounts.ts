// Accounts on this machine, each with an encrypted history of its own.

import * as check from './check.js'
import { History } from './history.js'
import type { NativeHistory } from './native.js'
import { thisPort } from './port.js'

/** An account of this machine. */
export interface Account {
  name: string
  /** Whether it is the one that is used when none is named. */
  current: boolean
  loggedIn: boolean
  /** When it was made, Unix milliseconds. */
  created: number
  bytes: number
}

/** An account that was made. Keep its recovery key on paper: nobody else has it. */
export interface NewAccount {
  name: string
  loggedIn: boolean
  /** Why it is not logged in although that was wanted. */
  notRemembered: string | null
  recoveryKey: string
}

/** Makes an account and makes it the current one; `remember` logs in at once, where there is a keyring. */
export async function create(options: { name?: string; passphrase: string; remember?: boolean }): Promise<NewAccount> {
  const given = check.options(options ?? null, 'options', ['name', 'passphrase', 'remember'])
  return ask({
    ask: 'create',
    name: check.optional(given['name'], 'options.name', check.word) ?? 'default',
    passphrase: check.word(given['passphrase'], 'options.passphrase'),
    remember: check.optional(given['remember'], 'options.remember', check.flag) ?? false,
  })
}

/** The accounts of this machine, by name. */
export async function all(): Promise<Account[]> {
  return ask({ ask: 'all' })
}

/** The history of an account, by default the current one, without a server. Without a passphrase the account must be logged in. */
export async function history(options?: { name?: string; passphrase?: string }): Promise<History> {
  const given = check.options(options, 'options', ['name', 'passphrase'])
  const native = await ask<NativeHistory>({
    ask: 'history',
    name: check.optional(given['name'], 'options.name', check.word),
    passphrase: check.optional(given['passphrase'], 'options.passphrase', check.word),
  })
  return new History(native)
}

function ask<T>(ask: object): Promise<T> {
  const port = thisPort()
  return port.ask<T>((number) => port.native.accounts(number, JSON.stringify(ask)))
}
