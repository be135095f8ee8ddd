import { NodeError } from './errors.ts'

/** How a member may end. */
export type EndState = 'removed' | 'failed' | 'closed'

/** What a {@link Lifecycle} tells of. */
export interface LifecycleParts {
  /** The member takes no part from now on. Called again when a member that was removed fails, or is closed. */
  readonly onEnd: (state: EndState, error: NodeError) => void
}

/** Whether a member takes part, and how it came to its end. */
export class Lifecycle {
  readonly #parts: LifecycleParts
  #ending: { readonly state: EndState; readonly error: NodeError } | undefined

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  get state(): 'running' | EndState {
    return this.#ending?.state ?? 'running'
  }

  get hasEnded(): boolean {
    return this.#ending !== undefined
  }

  /** @throws NodeError why the member does not take part any more */
  requireRunning(): void {
    if (this.#ending !== undefined) throw this.#ending.error
  }

  /** A broken invariant, of the core or of this member, is the end: its state cannot be trusted. */
  guard(run: () => void): void {
    if (this.#ending !== undefined) return
    try {
      run()
    } catch (error) {
      this.fail(error)
    }
  }

  fail(cause: unknown): void {
    if (this.#ending?.state === 'failed' || this.#ending?.state === 'closed') return
    const message = cause instanceof Error ? cause.message : String(cause)
    this.#end('failed', new NodeError('NODE_FAILED', `the member has failed: ${message}`, { cause }))
  }

  /** The others do not take this member for the one that it says it is. */
  refuse(reason: string): void {
    if (this.#ending !== undefined) return
    const message = `other members refuse this one: ${reason}`
    this.#end('failed', new NodeError('NODE_IDENTITY_MISMATCH', message))
  }

  remove(): void {
    if (this.#ending !== undefined) return
    this.#end('removed', new NodeError('NODE_REMOVED', 'this member was removed from the cluster'))
  }

  close(): void {
    if (this.#ending?.state === 'closed') return
    this.#end('closed', new NodeError('NODE_CLOSED', 'the member is closed'))
  }

  #end(state: EndState, error: NodeError): void {
    this.#ending = { state, error }
    this.#parts.onEnd(state, error)
  }
}
