// The native half: what it offers, and where its file is. It is loaded when it is first used, so that importing the package is quick.

/** A handle that native code holds for us. Each has what its interface says and nothing else. */
export interface NativePort {
  open(number: number, options: string): void
  reply(call: number, json: string | null, thrown: string | null): void
  cancel(number: number): void
  accounts(number: number, ask: string): void
  end(milliseconds: number): void
}

export interface NativeNexus {
  describe(): string
  plugins(): string
  ask(number: number, ask: string): void
  conversation(number: number, directory: string | null, opening: string): void
  events(number: number, directory: string | null, stream: string | null): void
  history(): NativeHistory | null
  provide(offer: string): void
  withdraw(name: string): void
  close(number: number): void
}

export interface NativeHistory {
  ask(number: number, ask: string): void
}

export interface NativeConversation {
  readonly sessionId: string | null
  readonly directory: string | null
  transcript(child: string | null): string | null
  messagesJson(): string | null
  sessions(): string[]
  say(number: number, said: string): void
  act(number: number, deed: string): void
  feed(): NativeFeed | null
  watch(listener: number): void
  ask(number: number, ask: string): void
  close(): void
}

export interface NativeFeed {
  next(number: number): void
  close(): void
}

export interface NativeTurn {
  readonly messageId: string
  readonly answer: string
  next(number: number): void
  stop(number: number): void
  detach(): void
  close(): void
}

export interface NativeEvents {
  next(number: number): void
  close(): void
}

/** Called with the number of a call, the JSON of an error or `null`, and the answer. */
export type Told = (number: number, error: string | null, answer: unknown) => void

interface Native {
  Port: new (told: Told) => NativePort
}

/** The names of the platform's libraries, the likeliest first. */
function candidates(): string[] {
  const { platform, arch } = process
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`]
  if (platform === 'win32') return [`win32-${arch}-msvc`]
  return [`${platform}-${arch}`]
}

/**
 * Loads the native library: the file that OPENCODE_NEXUS_NATIVE names, else that of the platform's package.
 *
 * @throws Error that says what is missing and how it is installed
 */
export function load(): Native {
  const named = process.env['OPENCODE_NEXUS_NATIVE']
  if (named !== undefined && named !== '') return require(named) as Native
  const tried: unknown[] = []
  for (const candidate of candidates()) {
    try {
      return require(`@opencode-nexus/${candidate}`) as Native
    } catch (error) {
      tried.push(error)
    }
  }
  const reasons = tried.map((error) => (error instanceof Error ? error.message.split('\n')[0] : String(error)))
  throw new Error(
    `opencode-nexus has no native library for ${process.platform} ${process.arch}: ${reasons.join('; ')}. ` +
      'Install it again without --omit=optional; on a platform without one, build it from source.',
    { cause: tried[0] },
  )
}
