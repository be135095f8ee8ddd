import { ServerError } from './errors.ts'

/** Something that was started. */
export interface Part {
  close(): Promise<void>
}

/** The parts of a server in the order in which they were started. They close in reverse. */
export class StartedParts {
  readonly #parts: Part[] = []
  readonly #ending = new AbortController()
  #closing: Promise<void> | undefined

  /** Aborts with {@link StartedParts.close}: what is starting need not go on. Its reason is a ServerError `SERVER_CLOSED`. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /**
   * Takes a part, to close it when its time comes.
   *
   * @throws ServerError `SERVER_CLOSED` when that is now
   */
  add<Started extends Part>(part: Started): Started {
    this.#parts.push(part)
    this.signal.throwIfAborted()
    return part
  }

  /** Closes what was started so far. Safe to call twice. */
  close(): Promise<void> {
    this.#ending.abort(new ServerError('SERVER_CLOSED', 'the server was closed'))
    return (this.#closing ??= this.#closeAll())
  }

  /** {@link StartedParts.close}, for who started parts and adds no more: also what came after the closing began. */
  async closeAfterFailure(): Promise<void> {
    await this.close()
    await this.#closeAll()
  }

  async #closeAll(): Promise<void> {
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) await part.close()
  }
}
