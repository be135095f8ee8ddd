import assert from 'node:assert/strict'
import { hasCode } from '@orrery/environment'
import type { KeyValue, WatchEvent } from '@orrery/mvcc'
import type { WatchBatch } from '../store.ts'

// What cases of the suite say about results, in words that read well when they fail.

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** `key=value` of each, in order. */
export function pairs(kvs: readonly KeyValue[]): string[] {
  return kvs.map(({ key, value }) => `${text(key) ?? ''}=${text(value) ?? ''}`)
}

export function keysOf(kvs: readonly KeyValue[]): (string | undefined)[] {
  return kvs.map(({ key }) => text(key))
}

/** `+key=value` or `-key` of each, in order. */
export function changes(events: readonly WatchEvent[]): string[] {
  return events.map(({ type, kv }) =>
    type === 'put' ? `+${text(kv.key) ?? ''}=${text(kv.value) ?? ''}` : `-${text(kv.key) ?? ''}`,
  )
}

/** The call rejects with this code. */
export async function rejectsWith(call: Promise<unknown>, code: string): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`)
}

/** The call throws this code. */
export function throwsWith(call: () => unknown, code: string): void {
  assert.throws(call, (error) => hasCode(error, code))
}

/** Takes from an iterator until it gave so many events. Leaves the iterator open. */
export async function takeEvents(
  batches: AsyncIterator<WatchBatch>,
  count: number,
): Promise<readonly WatchEvent[]> {
  const events: WatchEvent[] = []
  while (events.length < count) {
    const batch = await take(batches)
    for (const event of batch.events) events.push(event)
  }
  return events
}

/** The next of an iterator that has not ended. */
export async function take<T>(iterator: AsyncIterator<T>): Promise<T> {
  const next = await iterator.next()
  assert.ok(next.done !== true, 'the iteration ended early')
  return next.value
}

/** A promise that a case can look at: whether it is settled, without waiting for it. */
export function observe(promise: Promise<unknown>): { readonly settled: () => boolean } {
  let settled = false
  const settle = (): void => {
    settled = true
  }
  promise.then(settle, settle)
  return { settled: () => settled }
}
