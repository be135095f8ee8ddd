import type { Duplex } from 'node:stream'
import type { Clock, Random } from '@orrery/environment'
import type { Counters } from '../counters.ts'
import type { ResolvedLimits } from '../options.ts'
import type { Timers } from '../timers.ts'
import type { Flusher } from './flusher.ts'
import type { ChunkPool } from './output.ts'
import type { RequestHead } from './request-head.ts'
import type { Http2Stream } from './stream.ts'

/** What a connection speaks through: a socket, or a stream of which less is known. */
export type ConnectionSocket = Duplex & {
  readonly bytesWritten?: number
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** What the connections of a server share. */
export interface ConnectionHost {
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
  readonly counters: Counters
  readonly flusher: Flusher
  readonly pool: ChunkPool
  /** A request has begun. Sets the stream's receiver, or ends the stream. */
  onRequest(stream: Http2Stream, head: RequestHead): void
}
