import type { Clock } from '@orrery/environment'
import type { MemoryTransport } from './member-transport.ts'
import type { TurnQueue } from './turn-queue.ts'

/** The network as its members see it. */
export interface Wires {
  readonly clock: Clock
  readonly turns: TurnQueue
  /** Bounds what waits for one receiver, and what a member asks at the same time. */
  readonly queueMaxMessages: number
  readonly requestMaxConcurrent: number
  readonly usesWireFormat: boolean
  /** @throws TransportError `TRANSPORT_LISTEN_FAILED`: the address is taken */
  join(transport: MemoryTransport): void
  leave(transport: MemoryTransport): void
  countDropped(messages: number): void
  /** Who listens at `to`; undefined when nobody does, or nothing gets there. */
  find(from: string, to: string): MemoryTransport | undefined
}
