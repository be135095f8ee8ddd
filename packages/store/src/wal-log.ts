import { type Environment, hasCode } from '@orrery/environment'
import { type Disk, openWal, type Wal } from '@orrery/wal'
import { StoreError } from './errors.ts'
import type { CommitLog } from './ports.ts'
import { ProposalQueue } from './proposals.ts'

/** The type of the log's entries. The others are free for a replicated store. */
const commandEntry = 1

/** A {@link CommitLog} with what its recovery needs. */
export interface WalLog extends CommitLog {
  readonly wal: Wal
}

/**
 * Opens a log on disk: an entry is committed when it is synced.
 *
 * @param identity stored in a new log, to be compared with {@link Wal.metadata}
 * @throws WalError
 */
export async function openWalLog(parts: {
  readonly disk: Disk
  readonly directory: string
  readonly identity: Uint8Array
  readonly environment: Environment
}): Promise<WalLog> {
  const queue = new ProposalQueue()
  const wal = await openWal(
    {
      disk: parts.disk,
      directory: parts.directory,
      logger: parts.environment.logger,
      // Callers that are served in one turn of the event loop share one sync.
      defer: (callback) => parts.environment.clock.defer(callback),
      onDurable: () => log.onCommit?.(),
      onFailure: (error) => log.onFailure?.(error),
    },
    { metadata: parts.identity },
  )
  const log: WalLog = {
    wal,
    propose: (payload, proposal) => {
      try {
        queue.push(wal.append(commandEntry, payload), proposal)
      } catch (error) {
        throw refused(error)
      }
    },
    take: () => queue.take(wal.durableIndex),
    applied: () => {},
    get waiting() {
      return queue.size
    },
    rejectAll: (error) => queue.rejectAll(error),
    // What is applied includes every write that was answered.
    readBarrier: () => undefined,
    get commitIndex() {
      return wal.durableIndex
    },
    onCommit: undefined,
    onIdle: undefined,
    onFailure: undefined,
    release: (index) => {
      if (wal.state !== 'open') return
      // Space comes back later when this fails; a failure of the disk is reported by itself.
      wal.compactPrefix(Math.min(index, wal.durableIndex)).catch(() => {})
    },
    close: () => wal.close(),
  }
  return log
}

function refused(error: unknown): unknown {
  if (hasCode(error, 'WAL_QUEUE_FULL')) {
    return new StoreError('STORE_TOO_MANY_REQUESTS', 'too much waits to be written', { cause: error })
  }
  if (hasCode(error, 'WAL_ENTRY_TOO_LARGE')) {
    return new StoreError('STORE_REQUEST_TOO_LARGE', 'the request does not fit into the log', {
      cause: error,
    })
  }
  if (hasCode(error, 'WAL_FAILED', 'WAL_CLOSED')) {
    return new StoreError('STORE_FAILED', 'the log has failed', { cause: error })
  }
  return error
}
