import type { Key } from './key.ts'
import type { WatcherRequest, WatchEvent } from './watch.ts'
import type { MvccWatchStream } from './watch-stream.ts'

/**
 * One watcher.
 *
 * - `synced`: everything up to now is delivered or pending; new changes reach it as they happen
 * - `unsynced`: it needs revisions from history, and waits for the next pass over it
 * - `parked`: as `unsynced`, but its stream is full; the reader has to take something first
 */
export class Watcher {
  readonly id: number
  readonly stream: MvccWatchStream
  readonly key: Key
  readonly rangeEnd: Key | undefined
  readonly puts: boolean
  readonly deletes: boolean
  readonly prevKv: boolean
  /** The start that was asked for, 0 when none was: nothing older is delivered, progress included. */
  readonly startRevision: number
  /** The first revision that was neither delivered nor is pending. */
  next: number
  state: 'synced' | 'unsynced' | 'parked' = 'unsynced'
  /** Events of the revision that is being delivered. */
  gathered: WatchEvent[] | undefined

  constructor(id: number, stream: MvccWatchStream, request: WatcherRequest, next: number) {
    this.id = id
    this.stream = stream
    this.key = request.key
    this.rangeEnd = request.rangeEnd
    this.puts = request.filters?.includes('put') !== true
    this.deletes = request.filters?.includes('delete') !== true
    this.prevKv = request.prevKv === true
    this.startRevision = request.startRevision ?? 0
    this.next = next
  }

  wants(event: WatchEvent): boolean {
    return event.type === 'put' ? this.puts : this.deletes
  }
}
