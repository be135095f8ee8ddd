import { WalError } from './errors.ts'
import {
  endMarkBytes,
  metadataMaxBytes,
  recordLimitBytes,
  segmentHeaderBytes,
  segmentLimitBytes,
} from './format.ts'

/** How a log behaves. Sizes may change from one opening to the next: existing segments stay readable. */
export interface WalOptions {
  /**
   * Kept in the head of every segment from the creation of the log on, for example the identity of the data
   * directory. Ignored when the log exists already: compare {@link Wal.metadata}. At most 4 KiB.
   *
   * @defaultValue empty
   */
  readonly metadata?: Uint8Array
  /**
   * What to do when the directory holds no log. `'fail'` is for hosts that know that there must be one: a
   * member whose log has vanished must not come back with an empty one.
   *
   * @defaultValue `'create'`
   */
  readonly ifMissing?: 'create' | 'fail'
  /**
   * A segment that would grow beyond this is followed by a new one; disk space is freed by whole segments.
   * Small values switch often, which costs two more syncs each. Unit: bytes, up to 1 GiB.
   *
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly segmentMaxBytes?: number
  /**
   * Bounds one record, that is one group commit, and with it the largest entry. A record must fit into a
   * segment. Unit: bytes, up to 64 MiB.
   *
   * @defaultValue `4_194_304` (4 MiB)
   */
  readonly recordMaxBytes?: number
  /**
   * Bounds what waits for the disk, the record being written included. `append` throws `WAL_QUEUE_FULL`
   * beyond it. Unit: bytes, at least `recordMaxBytes`.
   *
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly queueMaxBytes?: number
  /**
   * How far zeros are written ahead of the records, so that a commit changes neither the size nor the
   * block map of its file. For the same purpose, a segment that is not needed any more is written over. 0 turns
   * both off; every commit is then several times slower. Unit: bytes.
   *
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly preallocateBytes?: number
}

/** What a log uses when its options do not say otherwise. */
export const walDefaults = {
  metadata: new Uint8Array(),
  ifMissing: 'create',
  segmentMaxBytes: 64 * 1024 * 1024,
  recordMaxBytes: 4 * 1024 * 1024,
  queueMaxBytes: 64 * 1024 * 1024,
  preallocateBytes: 8 * 1024 * 1024,
} as const satisfies Required<WalOptions>

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return
  throw new WalError('WAL_INVALID_OPTION', `${name} must be an integer in [${min}, ${max}], got ${value}`)
}

/**
 * Fills in the defaults and checks that the values agree.
 *
 * @throws WalError `WAL_INVALID_OPTION`
 */
export function resolveOptions(options: WalOptions): Required<WalOptions> {
  const resolved = { ...walDefaults, ...options }
  const { metadata, segmentMaxBytes, recordMaxBytes, queueMaxBytes, preallocateBytes } = resolved
  requireInteger('metadata.byteLength', metadata.byteLength, 0, metadataMaxBytes)
  requireInteger('segmentMaxBytes', segmentMaxBytes, 256, segmentLimitBytes)
  requireInteger('recordMaxBytes', recordMaxBytes, 128, recordLimitBytes)
  requireInteger('queueMaxBytes', queueMaxBytes, recordMaxBytes, Number.MAX_SAFE_INTEGER)
  requireInteger('preallocateBytes', preallocateBytes, 0, segmentLimitBytes)
  if (segmentHeaderBytes(metadata.byteLength) + recordMaxBytes + endMarkBytes > segmentMaxBytes) {
    throw new WalError(
      'WAL_INVALID_OPTION',
      `a record of recordMaxBytes (${recordMaxBytes}) and the head and end of its segment must fit into segmentMaxBytes (${segmentMaxBytes})`,
    )
  }
  return resolved
}
