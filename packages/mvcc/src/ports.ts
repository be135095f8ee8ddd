import type { Key } from './key.ts'

/**
 * Where revisions live. The core keeps keys and revision numbers in memory and everything else here.
 *
 * All calls are synchronous, and a read sees every earlier write: a backend that writes to disk later
 * answers from what it holds back. The core is the only writer. Making writes durable, and closing, is
 * between the backend and its host.
 */
export interface Backend {
  /**
   * Stores a revision, which does not exist yet. The backend may keep `record` itself: the core never
   * changes it afterwards, but it may be a view of a larger block of memory.
   *
   * @param main the store's revision, a safe integer > 0
   * @param sub the position of the change within that revision, from 0
   * @param tombstone whether the revision deletes its key
   * @param record the protobuf message `mvccpb.KeyValue`, as etcd stores it
   */
  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void
  /**
   * The record of a revision that is no tombstone and was not deleted. The caller may keep it.
   *
   * @throws InvariantError when there is none: index and backend disagree, and no answer can be trusted
   */
  get(main: number, sub: number): Uint8Array
  /** Removes one revision, which exists. */
  delete(main: number, sub: number, tombstone: boolean): void
  /**
   * Visits revisions in order of (main, sub) from the given one on (inclusive), until `visit` returns false.
   * `record` is valid only during the visit. The visitor writes nothing.
   */
  scan(
    fromMain: number,
    fromSub: number,
    visit: (main: number, sub: number, tombstone: boolean, record: Uint8Array) => boolean,
  ): void
  /** A named value beside the revisions, or undefined. */
  getMeta(name: string): Uint8Array | undefined
  /** Sets a named value; undefined removes it. Names are ASCII, of at most 200 chars. */
  setMeta(name: string, value: Uint8Array | undefined): void
  /** Visits the named values whose name begins with `prefix`, in order of name. The visitor writes nothing. */
  scanMeta(prefix: string, visit: (name: string, value: Uint8Array) => void): void
}

/** What the core has to know about leases, and to tell whoever keeps them. */
export interface KeyLeases {
  /** Whether a key may be attached to this lease. */
  has(lease: bigint): boolean
  /** The key belongs to this lease from now on, and to no other. */
  attach(lease: bigint, key: Key): void
  /** The key belongs to no lease from now on. Called for keys that never did, too. */
  detach(key: Key): void
}
