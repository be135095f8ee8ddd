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
  /** What it asks for. Written by {@link PendingRequests} only. */
  items: number
  /** Its client has left before it was answered, or the server closes. It may have been answered meanwhile. */
  end(reason: unknown): void
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
  readonly #pending = new Map<ServerResponse, PendingRequest>()
  #items = 0
  #isClosed = false
  /** One for all of them. */
  readonly #closed: (this: ServerResponse) => void

  constructor(limits: PendingLimits) {
    this.#limits = limits
    const leave = (response: ServerResponse): void => this.#leave(response)
    this.#closed = function closed(this: ServerResponse): void {
      leave(this)
    }
  }

  get size(): number {
    return this.#pending.size
  }

  /**
   * It is told at once where its client has left already. Who waits again before he is answered counts with what he asks for then.
   *
   * @param request undefined: nobody has to be told how its wait ends
   * @throws HttpApiError `HTTP_API_OVERLOADED`; ConfigError `CONFIG_CLOSED`
   */
  enter(response: ServerResponse, items: number, request: PendingRequest = { items, end: () => {} }): void {
    this.#requireRoom(items)
    this.#items += items - (this.#pending.get(response)?.items ?? 0)
    request.items = items
    this.#pending.set(response, request)
    onceClosed(response, this.#closed)
  }

  /** Ends all waits, and refuses later ones. */
  close(): void {
    this.#isClosed = true
    for (const request of this.#pending.values()) request.end(serverCloses)
  }

  #leave(response: ServerResponse): void {
    const request = this.#pending.get(response)
    if (request === undefined) return
    this.#pending.delete(response)
    this.#items -= request.items
    if (!response.writableFinished) request.end(clientLeft)
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
