import type { Environment } from '@orrery/environment'
import type { RedisArgument, RedisClient } from './client.ts'
import { Deadlines } from './deadlines.ts'
import { type QuietLog, textOf } from './quiet-log.ts'

/** A command of Redis and what it is about. */
export type Command = readonly [name: string, ...args: RedisArgument[]]

/** What Redis said to one command. */
export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

/** What a link is made of. */
export interface LinkParts {
  readonly client: RedisClient
  /** The store made the client, connects it, and closes it. */
  readonly isOwn: boolean
  readonly environment: Environment
  readonly log: QuietLog
  readonly commandTimeoutMs: number
}

/** How long the end of a connection is waited for: a server that hangs does not take part in it. Unit: ms. */
const endTimeoutMs = 1_000

/** The way to Redis: a client of ioredis, on which nothing waits for ever. */
export class Link {
  readonly #parts: LinkParts
  readonly #onReady = new Set<(isReady: boolean) => void>()
  /** How to give up on commands that are under way. */
  readonly #underWay = new Set<(error: Error) => void>()
  readonly #lost: Deadlines
  #isClosed = false

  constructor(parts: LinkParts) {
    const { client, environment, commandTimeoutMs } = parts
    this.#parts = parts
    this.#lost = new Deadlines(environment.clock, commandTimeoutMs)
    client.on('ready', this.#ready)
    client.on('close', this.#close)
    client.on('error', this.#error)
    // Of one server of a cluster. Without a listener nothing of it would be heard.
    client.on('node error', this.#error)
  }

  /** Commands can be sent. */
  get isReady(): boolean {
    return this.#parts.client.status === 'ready'
  }

  /** Begins to connect, if nobody else does. Returns false when that is hopeless. */
  connect(): boolean {
    const { client, isOwn } = this.#parts
    const { status } = client
    if (this.#isClosed || (status === 'end' && !isOwn)) return false
    // What goes wrong is an event as well, and tried again.
    if (status === 'wait' || status === 'end') client.connect().catch(() => undefined)
    return true
  }

  /** Resolves with whether commands can be sent, when they can or the time is over. */
  whenReady(timeoutMs: number): Promise<boolean> {
    if (this.isReady) return Promise.resolve(true)
    if (!this.connect()) return Promise.resolve(false)
    return new Promise((resolve) => {
      const settle = (isReady: boolean): void => {
        timer.cancel()
        this.#onReady.delete(settle)
        resolve(isReady)
      }
      const timer = this.#parts.environment.clock.setTimer(timeoutMs, () => settle(false))
      this.#onReady.add(settle)
    })
  }

  /**
   * Sends commands at once, in their order, and resolves with a reply to each. What a client does not answer although
   * its connection has broken is given up on.
   */
  send(commands: readonly Command[]): Promise<readonly Reply[]> {
    if (this.#isClosed) return Promise.reject(new Error('the store is closed'))
    return new Promise((resolve, reject) => {
      this.#underWay.add(reject)
      this.#exchange(commands)
        .then(resolve, reject)
        .finally(() => this.#underWay.delete(reject))
    })
  }

  /** Leaves the client of somebody else as it was, and closes an own one. */
  async close(): Promise<void> {
    const { client, isOwn } = this.#parts
    this.#isClosed = true
    for (const settle of this.#onReady) settle(false)
    if (isOwn) await this.#disconnect()
    for (const giveUp of this.#underWay) giveUp(new Error('the store is closed'))
    this.#lost.close()
    client.off('ready', this.#ready)
    client.off('close', this.#close)
    // An own client may still report an error; nobody wants to know, but without a listener it would be printed.
    if (!isOwn) for (const event of ['error', 'node error']) client.off(event, this.#error)
  }

  async #exchange(commands: readonly Command[]): Promise<readonly Reply[]> {
    const { client } = this.#parts
    if (client.isCluster) {
      // A pipeline of a cluster is for one of its servers; alone, each command finds its way, and follows keys that move.
      const calls = commands.map(([name, ...args]) => client.call(name, args))
      return (await Promise.allSettled(calls)).map((result) =>
        result.status === 'fulfilled'
          ? { ok: true, value: result.value }
          : { ok: false, error: result.reason as unknown },
      )
    }
    const replies = await client.pipeline(commands.map((command) => [...command])).exec()
    if (replies === null) throw new Error('the pipeline was discarded')
    return replies.map(([error, value]) => (error === null ? { ok: true, value } : { ok: false, error }))
  }

  async #disconnect(): Promise<void> {
    const { client, environment } = this.#parts
    const { status } = client
    if (status === 'end') return
    const ended = new Promise<void>((resolve) => {
      const timer = environment.clock.setTimer(endTimeoutMs, resolve)
      client.on('end', () => {
        timer.cancel()
        resolve()
      })
    })
    client.disconnect()
    // Between two attempts to connect there is no connection that could end.
    if (status !== 'reconnecting') await ended
  }

  readonly #ready = (): void => {
    for (const settle of this.#onReady) settle(true)
  }

  /** A client may drop what was under way, or send it again: it has as long as an answer would have had. */
  readonly #close = (): void => {
    for (const giveUp of this.#underWay) {
      this.#lost.add(() => giveUp(new Error('the connection was lost')))
    }
  }

  readonly #error = (error: unknown): void => {
    this.#parts.log.write('warn', 'the connection to Redis failed', { error: textOf(error) })
  }
}
