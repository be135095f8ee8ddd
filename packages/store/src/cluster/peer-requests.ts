import { LeaseError, leaseErrorCodes } from '@orrery/lease'
import { StoreError, storeErrorCodes } from '../errors.ts'
import type { LeaseTimeToLive } from '../store.ts'

/** What a member asks the one that leads. */
export type LeaseRequest =
  | { readonly type: 'keepAlive'; readonly ids: readonly bigint[] }
  | { readonly type: 'timeToLive'; readonly id: bigint; readonly keys: boolean }

/** What the one that leads asks the others: a hash over their history up to a revision. */
export interface HashRequest {
  readonly type: 'hash'
  readonly revision: number
}

/** What members ask each other. */
export type PeerRequest = LeaseRequest | HashRequest

export interface HashAnswer {
  readonly type: 'hash'
  readonly hash: number
  /** The last compaction before the hash was taken: it decides what of the history counts. */
  readonly compactRevision: number
  /** The newest revision of who answers. */
  readonly revision: number
}

/** What became of one lease that was to be renewed. */
export type Renewed = { readonly ttlMs: number } | Error

/** What they answer, by the type of the request. */
export type PeerAnswer =
  /** In the order of the ids. */
  | { readonly type: 'keepAlive'; readonly renewed: readonly Renewed[] }
  | { readonly type: 'timeToLive'; readonly timeToLive: LeaseTimeToLive | undefined }
  | HashAnswer

export function encodeRequest(request: PeerRequest): Uint8Array {
  switch (request.type) {
    case 'hash':
      return toJson(request)
    case 'keepAlive':
      return toJson({ type: request.type, ids: request.ids.map(String) })
    case 'timeToLive':
      return toJson({ ...request, id: request.id.toString() })
  }
}

/** @throws StoreError `STORE_DAMAGED` */
export function decodeRequest(bytes: Uint8Array): PeerRequest {
  const value = fromJson(bytes)
  const { type, id, ids, keys, revision } = value
  if (type === 'hash') {
    if (!Number.isSafeInteger(revision)) throw malformed()
    return { type, revision: Number(revision) }
  }
  if (type === 'keepAlive' && Array.isArray(ids)) return { type, ids: ids.map(toId) }
  if (type === 'timeToLive') return { type, id: toId(id), keys: keys === true }
  throw malformed()
}

function toId(value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) throw malformed()
  return BigInt(value)
}

/** An answer, or the error that stands for it. */
export function encodeAnswer(answer: PeerAnswer | Error): Uint8Array {
  if (answer instanceof Error) return toJson(describe(answer))
  if (answer.type === 'keepAlive') {
    const renewed = answer.renewed.map((one) => (one instanceof Error ? describe(one) : one))
    return toJson({ renewed })
  }
  if (answer.type === 'hash') return toJson(answer)
  const { timeToLive } = answer
  if (timeToLive === undefined) return toJson({})
  const keys = timeToLive.keys?.map((key) => Buffer.from(key).toString('base64'))
  return toJson({ grantedMs: timeToLive.grantedMs, remainingMs: timeToLive.remainingMs, keys })
}

function describe(error: Error): object {
  return { error: 'code' in error ? error.code : undefined, message: error.message }
}

/** @throws LeaseError, StoreError what the leader answered; `STORE_DAMAGED` */
export function decodeAnswer(type: PeerRequest['type'], bytes: Uint8Array): PeerAnswer {
  const value = fromJson(bytes)
  if (typeof value['message'] === 'string') throw toError(value['error'], value['message'])
  if (type === 'keepAlive') {
    if (!Array.isArray(value['renewed'])) throw malformed()
    return { type, renewed: value['renewed'].map(toRenewed) }
  }
  if (type === 'hash') {
    const { hash, compactRevision, revision } = value
    const numbers = [hash, compactRevision, revision].filter(Number.isSafeInteger).map(Number)
    const [hashed, compacted, newest] = numbers
    if (hashed === undefined || compacted === undefined || newest === undefined) throw malformed()
    return { type, hash: hashed, compactRevision: compacted, revision: newest }
  }
  const { grantedMs, remainingMs, keys } = value
  if (typeof grantedMs !== 'number' || typeof remainingMs !== 'number') return { type, timeToLive: undefined }
  if (!Array.isArray(keys)) return { type, timeToLive: { grantedMs, remainingMs } }
  return {
    type,
    timeToLive: {
      grantedMs,
      remainingMs,
      keys: keys.map((key) => new Uint8Array(Buffer.from(String(key), 'base64'))),
    },
  }
}

function toRenewed(value: unknown): Renewed {
  if (typeof value !== 'object' || value === null) throw malformed()
  if ('ttlMs' in value && typeof value.ttlMs === 'number') return { ttlMs: value.ttlMs }
  if (!('message' in value) || typeof value.message !== 'string') throw malformed()
  return toError('error' in value ? value.error : undefined, value.message)
}

function toError(code: unknown, text: string): Error {
  const message = text.replace(`${String(code)}: `, '')
  const leaseCode = leaseErrorCodes.find((known) => known === code)
  if (leaseCode !== undefined) return new LeaseError(leaseCode, message)
  return new StoreError(storeErrorCodes.find((known) => known === code) ?? 'STORE_FAILED', message)
}

function toJson(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8')
}

function fromJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw malformed()
}

function malformed(): StoreError {
  return new StoreError('STORE_DAMAGED', 'a message of another member has no meaning')
}
