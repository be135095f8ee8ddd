/**
 * What lies where: the LMDB environment's settings, its keys, the checksums, and the operations that travel
 * to the worker. Plain JavaScript, because workers and child processes load it without a compiler.
 */
import { crc32 } from 'node:zlib'

const mainBytes = 7
const subBytes = 4
/** Bytes of a revision's key: main, then sub. A tombstone's key is one byte longer. */
export const revisionKeyBytes = mainBytes + subBytes
const tombstoneMark = 0x74 // t
/** Bytes of the checksum behind every stored value. */
export const checksumBytes = 4
/**
 * Largest record. lmdb-js copies values below 16 MiB out of the map; it would hand out larger ones as views
 * of the map itself, which are not safe to keep.
 */
export const recordMaxBytes = 16 * 1024 * 1024 - 64
/** What the file says it is. */
export const format = 'orrery-mvcc-lmdb 2'
/** Exists while the environment is open for writing: found at open, it tells of an unclean shutdown. */
export const openMarkerName = 'open'
/** Exists until new files hold their first commit: what is found with it was never of use to anybody. */
export const creationMarkerName = 'creating'

/** Keys of the meta database that belong to this package. Named values of the core begin with `n`. */
export const reserved = { format: '!format', index: '!index' }

/** What may happen to the file, as the first byte of an encoded operation. */
export const operation = { put: 1, delete: 2, setMeta: 3, removeMeta: 4 }
/** Bytes before an operation's key: kind, length of the key, length of the value. */
export const operationHeaderBytes = 6

/**
 * Settings of one environment. Durability and safety are not options: a commit is synced before it becomes
 * visible, and opening trusts only what was flushed.
 *
 * @param {string} path the directory
 * @param {number} mapMaxBytes address space to reserve
 * @param {boolean} readOnly whether the caller only reads
 */
export function environmentOptions(path, mapMaxBytes, readOnly) {
  return {
    path,
    noSubdir: false,
    readOnly,
    mapSize: mapMaxBytes,
    maxDbs: 4,
    overlappingSync: false,
    safeRestore: true,
    noMemInit: true,
    cache: false,
    permissionsMode: 0o600,
    ...databaseOptions,
  }
}

/** Settings of every database in the environment: bytes in, bytes out. */
export const databaseOptions = /** @type {const} */ ({ keyEncoding: 'binary', encoding: 'binary' })
/** The databases of an environment. */
export const databaseNames = { revisions: 'revisions', meta: 'meta' }

/**
 * Writes a revision's key: main and sub, big-endian, and `t` for a tombstone. Bytewise order is then the order of
 * (main, sub). Main is any safe integer; sub counts the changes of one txn, so 32 bits are plenty.
 *
 * @param {Uint8Array} target
 * @param {number} at where the key begins
 * @param {number} main
 * @param {number} sub
 * @param {boolean} tombstone
 * @returns {number} where the key ends
 */
export function writeRevisionKey(target, at, main, sub, tombstone) {
  const high = Math.floor(main / 0x1_0000_0000)
  target[at] = high >>> 16
  target[at + 1] = high >>> 8
  target[at + 2] = high
  writeUint32(target, at + 3, main)
  writeUint32(target, at + mainBytes, sub)
  if (!tombstone) return at + revisionKeyBytes
  target[at + revisionKeyBytes] = tombstoneMark
  return at + revisionKeyBytes + 1
}

/**
 * @param {Uint8Array} target
 * @param {number} at
 * @param {number} value of which the lower 32 bits are written
 */
function writeUint32(target, at, value) {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
}

/**
 * Reads the main part of a revision's key.
 *
 * @param {Buffer} bytes
 * @param {number} at where the key begins
 */
export function readMain(bytes, at) {
  return bytes.readUIntBE(at, 3) * 0x1_0000_0000 + bytes.readUInt32BE(at + 3)
}

/**
 * Reads the sub part of a revision's key.
 *
 * @param {Buffer} bytes
 * @param {number} at where the key begins
 */
export function readSub(bytes, at) {
  return bytes.readUInt32BE(at + mainBytes)
}

/**
 * Whether bytes are the key of a revision.
 *
 * @param {Buffer} key
 */
export function isRevisionKey(key) {
  if (key.length !== revisionKeyBytes && key.length !== revisionKeyBytes + 1) return false
  if (key.length > revisionKeyBytes && key[revisionKeyBytes] !== tombstoneMark) return false
  return Number.isSafeInteger(readMain(key, 0))
}

/**
 * Fills in the checksum of a value: over its key too, so that a value under the wrong key is found out.
 * Key, value and four free bytes follow each other.
 *
 * @param {Buffer} bytes
 * @param {number} keyStart
 * @param {number} valueEnd
 */
export function writeChecksum(bytes, keyStart, valueEnd) {
  bytes.writeUInt32LE(crc32(bytes.subarray(keyStart, valueEnd)), valueEnd)
}

/**
 * Whether a stored value carries the checksum of itself under this key.
 *
 * @param {Buffer} key
 * @param {Buffer} stored the value and its checksum
 */
export function isIntact(key, stored) {
  const end = stored.length - checksumBytes
  return end >= 0 && crc32(stored.subarray(0, end), crc32(key)) === stored.readUInt32LE(end)
}
