import type { ServerResponse } from 'node:http'
import { ConfigError } from '@orrery/config-hub'
import { HttpApiError } from '../../errors.ts'
import { onceClosed } from '../../once-closed.ts'
import { ClientLeft } from '../../scope.ts'

/** How much may be pending. */
export interface PendingLimits {
  readonly requestsMax: number
  /** What they ask for, all together. */
  readonly itemsMax: number
}

/** A request that waits. */
export interface PendingRequest {
  /** Aborts when the client leaves, or the server closes. */
  readonly signal: AbortSignal
  /** Ends the wait. */
  readonly abort: (reason: unknown) => void
}

/** Why a wait ends when the server closes. */
export const serverCloses = new ConfigError('CONFIG_CLOSED', 'the server is closing')

/** Shared by all: there may be thousands at a time, and nobody looks where they left. */
const clientLeft = new ClientLeft('the client has left')

/**
 * Requests that wait, no more than so many. Each counts until its answer has left for the kernel, or its client has left:
 * so whoever does not read what he is told is counted as well.
 */
export class PendingRequests {
  readonly #limits: PendingLimits
  readonly #pending = new Set<AbortController>()
  #items = 0
  #isClosed = false

  constructor(limits: PendingLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#pending.size
  }

  /** @throws HttpApiError `HTTP_API_OVERLOADED`; ConfigError `CONFIG_CLOSED` */
  enter(response: ServerResponse, items: number): PendingRequest {
    this.#requireRoom(items)
    const controller = new AbortController()
    this.#pending.add(controller)
    this.#items += items
    const leave = (): void => {
      this.#pending.delete(controller)
      this.#items -= items
      if (!response.writableFinished) controller.abort(clientLeft)
    }
    onceClosed(response, leave)
    return { signal: controller.signal, abort: (reason) => controller.abort(reason) }
  }

  /** Ends all waits, and refuses later ones. */
  close(): void {
    this.#isClosed = true
    for (const controller of this.#pending) controller.abort(serverCloses)
  }

  #requireRoom(items: number): void {
    const { requestsMax, itemsMax } = this.#limits
    if (this.#isClosed) throw serverCloses
    if (this.#pending.size >= requestsMax) {
      throw new HttpApiError(
        'HTTP_API_OVERLOADED',
        `${requestsMax} such requests are pending, which is as many as may be`,
      )
    }
    if (this.#items + items > itemsMax) {
      throw new HttpApiError(
        'HTTP_API_OVERLOADED',
        `${this.#items} files are asked for by requests that are pending, of at most ${itemsMax}`,
      )
    }
  }
}
