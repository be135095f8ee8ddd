import type { Method } from './endpoint.ts'
import type { KeyRange } from './keys.ts'
import type { Fields } from './wire.ts'

/** One request, not yet tied to the revision at which its round starts. */
export interface Call {
  readonly method: Method
  /** What is special about it; the coverage table counts each label by outcome. */
  readonly labels: readonly string[]
  readonly fields: Fields
  /** How the encoded request is spoilt before it is sent. @defaultValue sent as it is */
  readonly spoil?: Spoil
}

/** Changes of an encoded message that no well-behaved encoder makes. */
export type Spoil =
  | { readonly type: 'truncate'; readonly keepRatio: number }
  | { readonly type: 'flip'; readonly atRatio: number; readonly bit: number }
  | { readonly type: 'append'; readonly bytes: Uint8Array }
  | { readonly type: 'replace'; readonly bytes: Uint8Array }

/** What is done next on both servers. */
export type Step =
  /** Alone, since it may change the state. */
  | { readonly type: 'write'; readonly call: Call }
  /** All at once, since none of them may change the state. */
  | { readonly type: 'reads'; readonly calls: readonly Call[] }
  /** One message on the watch stream, and what it causes. */
  | { readonly type: 'watch'; readonly labels: readonly string[]; readonly request: Fields }
  /** Delivers and compares every outstanding event. */
  | { readonly type: 'barrier' }

/** What the generator knows about the servers. Revisions are relative to the start of the round. */
export interface Knowledge {
  /** The newest revision. */
  readonly revision: number
  /** The revision of the last compaction. */
  readonly compacted: number
  readonly leases: readonly bigint[]
  readonly watchers: readonly KnownWatcher[]
}

/** A watcher that lives on the watch stream of the round. */
export interface KnownWatcher {
  readonly id: string
  readonly range: KeyRange
  /** The first revision it delivers. */
  readonly startRevision: number
  readonly puts: boolean
  readonly deletes: boolean
}
