import { LeaseError, leaseErrorCodes } from '@orrery/lease'
import { StoreError, storeErrorCodes } from '../errors.ts'
import type { LeaseTimeToLive } from '../store.ts'

/** What a member asks the one that leads. */
export type LeaseRequest =
  | { readonly type: 'keepAlive'; readonly id: bigint }
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

/** What they answer, by the type of the request. */
export type PeerAnswer =
  | { readonly type: 'keepAlive'; readonly ttlMs: number }
  | { readonly type: 'timeToLive'; readonly timeToLive: LeaseTimeToLive | undefined }
  | HashAnswer

export function encodeRequest(request: PeerRequest): Uint8Array {
  return toJson(request.type === 'hash' ? request : { ...request, id: request.id.toString() })
}

/** @throws StoreError `STORE_DAMAGED` */
export function decodeRequest(bytes: Uint8Array): PeerRequest {
  const value = fromJson(bytes)
  const { type, id, keys, revision } = value
  if (type === 'hash') {
    if (!Number.isSafeInteger(revision)) throw malformed()
    return { type, revision: Number(revision) }
  }
  if (typeof id !== 'string' || !/^-?\d{1,20}$/.test(id)) throw malformed()
  if (type === 'keepAlive') return { type, id: BigInt(id) }
  if (type === 'timeToLive') return { type, id: BigInt(id), keys: keys === true }
  throw malformed()
}

/** An answer, or the error that stands for it. */
export function encodeAnswer(answer: PeerAnswer | Error): Uint8Array {
  if (answer instanceof Error) {
    const code = 'code' in answer ? answer.code : undefined
    return toJson({ error: code, message: answer.message })
  }
  if (answer.type === 'keepAlive') return toJson({ ttlMs: answer.ttlMs })
  if (answer.type === 'hash') return toJson(answer)
  const { timeToLive } = answer
  if (timeToLive === undefined) return toJson({})
  const keys = timeToLive.keys?.map((key) => Buffer.from(key).toString('base64'))
  return toJson({ grantedMs: timeToLive.grantedMs, remainingMs: timeToLive.remainingMs, keys })
}

/** @throws LeaseError, StoreError what the leader answered; `STORE_DAMAGED` */
export function decodeAnswer(type: PeerRequest['type'], bytes: Uint8Array): PeerAnswer {
  const value = fromJson(bytes)
  if (typeof value['message'] === 'string') throw toError(value['error'], value['message'])
  if (type === 'keepAlive') {
    if (typeof value['ttlMs'] !== 'number') throw malformed()
    return { type, ttlMs: value['ttlMs'] }
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
