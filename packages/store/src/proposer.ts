import { abortable } from './abortable.ts'
import type { Command } from './command.ts'
import { CommandEncoder } from './command-encoder.ts'
import { StoreError } from './errors.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { CommitLog } from './ports.ts'
import type { CommandResult } from './state-machine.ts'
import type { CallOptions } from './store.ts'

/** What a {@link Proposer} needs. */
export interface ProposerParts {
  readonly lifecycle: Lifecycle
  readonly log: CommitLog
  /** Largest encoded command of a caller. Unit: bytes. */
  readonly requestMaxBytes: number
}

/** Options of a proposal. */
export interface ProposeOptions extends CallOptions {
  /** Takes effect while this member leads, or not at all: for what only the leader may decide. */
  readonly isLeaderOnly?: boolean
}

/** Commands as large as a caller makes them. The others are the store's own, which makes none that is too large. */
const sizedByCaller: ReadonlySet<Command['type']> = new Set(['put', 'deleteRange', 'txn'])

/** The way of a command into the log. */
export class Proposer {
  readonly #parts: ProposerParts
  readonly #encoder = new CommandEncoder()

  constructor(parts: ProposerParts) {
    this.#parts = parts
  }

  /**
   * Appends a command to the log. Resolves when it is applied, with its answer; rejects with its refusal.
   *
   * @throws StoreError `STORE_CLOSED`, `STORE_FAILED`, `STORE_REQUEST_TOO_LARGE`, `STORE_TOO_MANY_REQUESTS`
   */
  propose(command: Command, { signal, isLeaderOnly = false }: ProposeOptions = {}): Promise<CommandResult> {
    const { lifecycle, log, requestMaxBytes } = this.#parts
    signal?.throwIfAborted()
    lifecycle.requireOpen()
    lifecycle.requireNoFailure()
    const payload = this.#encoder.encode(command)
    if (payload.length > requestMaxBytes && sizedByCaller.has(command.type)) {
      throw new StoreError(
        'STORE_REQUEST_TOO_LARGE',
        `a request of ${payload.length} bytes, at most ${requestMaxBytes} may be`,
      )
    }
    const answer = new Promise<CommandResult>((resolve, reject) => {
      log.propose(payload, { command, isLeaderOnly, resolve, reject })
    })
    return signal === undefined ? answer : abortable(answer, signal)
  }
}
