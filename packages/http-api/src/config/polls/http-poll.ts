import type { ConfigHub, PendingPoll, PollListener, PollResult, WatchQuery } from '@orrery/config-hub'
import type { FastifyReply } from 'fastify'
import type { PollJson } from '../json/poll-json.ts'
import { type PendingRequest, serverCloses } from './pending-requests.ts'

/** What a poll over HTTP answers with. */
export interface HttpPollParts {
  readonly reply: FastifyReply
  readonly pollJson: PollJson
  /** What its client has seen, as it says. */
  readonly afterRevision: number
}

/** A poll over HTTP, from its request to its answer. While it waits it is one object, for there may be thousands. */
export class HttpPoll implements PollListener, PendingRequest {
  readonly #pollJson: PollJson
  readonly #afterRevision: number
  items = 0
  /** Undefined: it is answered. */
  #reply: FastifyReply | undefined
  /** Undefined: nothing waits in the hub. */
  #poll: PendingPoll | undefined = undefined

  constructor({ reply, pollJson, afterRevision }: HttpPollParts) {
    this.#reply = reply
    this.#pollJson = pollJson
    this.#afterRevision = afterRevision
  }

  /** Begins to wait, if it is not over already. @throws as `ConfigHub.startPoll` */
  begin(hub: ConfigHub, query: WatchQuery, timeoutMs: number | undefined): void {
    if (this.#reply !== undefined) this.#poll = hub.startPoll(query, this, { timeoutMs })
  }

  answered(result: PollResult): void {
    void this.#take()?.type('application/json; charset=utf-8').send(this.#pollJson.textOf(result))
  }

  failed(error: unknown): void {
    void this.#take()?.send(error)
  }

  end(reason: unknown): void {
    this.#poll?.cancel()
    // Nothing that is not known already is said: whoever asks again finds another member.
    if (reason === serverCloses) this.answered({ type: 'unchanged', revision: this.#afterRevision })
    else this.failed(reason)
  }

  /** An answer that is not read counts still, but nothing else is kept for it. */
  #take(): FastifyReply | undefined {
    const reply = this.#reply
    this.#reply = undefined
    this.#poll = undefined
    return reply
  }
}
