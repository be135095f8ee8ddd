import { refusalKinds } from './refusal.ts'
import type { RefusalKind } from './refusal.ts'

/** What a transport has done since it was created, and holds now. */
export interface TcpTransportStats {
  /** Connections, dialled and accepted. */
  readonly connections: number
  readonly sentMessages: number
  readonly receivedMessages: number
  /** Messages that were dropped: their peer was not connected, or its queue was full. */
  readonly droppedMessages: number
  /** Connections that this member refused, by reason. */
  readonly refused: Readonly<Record<RefusalKind, number>>
}

/** Counts for {@link TcpTransportStats}. */
export class Counters {
  sentMessages = 0
  receivedMessages = 0
  droppedMessages = 0
  readonly #refused = new Map<RefusalKind, number>()

  addRefused(kind: RefusalKind): void {
    this.#refused.set(kind, (this.#refused.get(kind) ?? 0) + 1)
  }

  stats(connections: number): TcpTransportStats {
    const { sentMessages, receivedMessages, droppedMessages } = this
    const refused = Object.fromEntries(
      refusalKinds.map((kind) => [kind, this.#refused.get(kind) ?? 0]),
    ) as Record<RefusalKind, number>
    return { connections, sentMessages, receivedMessages, droppedMessages, refused }
  }
}
