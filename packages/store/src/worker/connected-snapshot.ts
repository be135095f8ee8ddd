import type { CallOptions, Snapshot } from '../store.ts'
import type { ReaderHost } from './connected-reader.ts'

/** What a snapshot needs of its store. */
export type SnapshotHost = Pick<ReaderHost, 'nextNumber' | 'command' | 'pull' | 'revision'> & {
  readonly sizeInUseBytes: () => number
}

/** A snapshot that is written in another thread, a chunk whenever its reader wants one. */
export function connectedSnapshot(host: SnapshotHost, { signal }: CallOptions): Snapshot {
  let taken: number | undefined
  return {
    /** Before the first chunk, where the host sees the store. */
    get revision() {
      return taken ?? host.revision()
    },
    sizeBytes: host.sizeInUseBytes(),
    async *[Symbol.asyncIterator]() {
      signal?.throwIfAborted()
      const reader = host.nextNumber()
      host.command({ type: 'openSnapshot', reader })
      try {
        for (;;) {
          const part = await host.pull(reader, (from) => ({ revision: from.number(), chunk: from.bytes() }))
          if (part === undefined) return
          taken = part.revision
          yield part.chunk
        }
      } finally {
        host.command({ type: 'close', reader })
      }
    },
  }
}
