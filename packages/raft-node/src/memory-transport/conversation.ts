import { TransportError } from '../transport-error.ts'
import type { MemoryTransport } from './member-transport.ts'

/** A conversation, whatever its answer is. */
export interface OpenConversation {
  readonly asker: MemoryTransport
  readonly answerer: MemoryTransport
  /** One of the two is gone, or the way between them. */
  break(): void
}

/** A request or a snapshot on its way: begun by one member, answered by another, over when either is gone. */
export class Conversation<Answer> implements OpenConversation {
  readonly asker: MemoryTransport
  readonly answerer: MemoryTransport
  readonly answer: Promise<Answer>
  #settle:
    | { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void }
    | undefined
  readonly #signal: AbortSignal | undefined
  readonly #onOver: (() => void) | undefined

  /**
   * @param onOver called once, however the conversation ends
   */
  constructor(
    parties: { readonly asker: MemoryTransport; readonly answerer: MemoryTransport },
    options: { readonly signal?: AbortSignal | undefined; readonly onOver?: () => void } = {},
  ) {
    this.asker = parties.asker
    this.answerer = parties.answerer
    this.#signal = options.signal
    this.#onOver = options.onOver
    this.answer = new Promise<Answer>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.asker.conversations.add(this)
    this.answerer.conversations.add(this)
  }

  get isOver(): boolean {
    return this.#settle === undefined
  }

  resolve(answer: Answer): void {
    this.#end()?.resolve(answer)
  }

  reject(error: unknown): void {
    this.#end()?.reject(error)
  }

  /** The answerer's handler failed: its reason is told, as over a wire. */
  refuse(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.reject(new TransportError('TRANSPORT_REFUSED', reason))
  }

  break(): void {
    this.reject(
      this.asker.isClosed
        ? new TransportError('TRANSPORT_CLOSED', 'the transport was closed')
        : new TransportError('TRANSPORT_UNREACHABLE', `the connection to ${this.answerer.address} broke`),
    )
  }

  readonly #onAbort = (): void => {
    this.reject(this.#signal?.reason)
  }

  #end(): { resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined {
    const settle = this.#settle
    if (settle === undefined) return undefined
    this.#settle = undefined
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.asker.conversations.delete(this)
    this.answerer.conversations.delete(this)
    this.#onOver?.()
    return settle
  }
}
