import type { KeyValue, RangeResult } from '@orrery/mvcc'
import type { RangeRequest } from '@orrery/store'
import { EtcdError } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { RangeStreamResponse } from '../messages.ts'
import { toRangeRequest, toReadOptions } from './kv-requests.ts'
import type { Server } from './server.ts'
import type { CallContext } from './services.ts'

const firstChunkKeys = 10

/**
 * Reads a range chunk by chunk, all of one revision, so that neither side holds the whole. Chunks grow and
 * shrink around the size of the largest write (etcd 3.7, `KV.RangeStream`).
 */
export async function* rangeStream(
  server: Server,
  message: etcdserverpb.RangeRequest,
  context: CallContext,
): AsyncGenerator<RangeStreamResponse, void, undefined> {
  const request = toRangeRequest(message)
  requireKeyOrder(request)
  const limit = request.limit !== undefined && request.limit > 0 ? request.limit : Infinity
  let chunkKeys = Math.min(firstChunkKeys, limit)
  const first = await server.store.range({ ...request, limit: chunkKeys }, toReadOptions(message, context))
  const header = server.header(first.revision)
  const wanted = request.countOnly ? 0 : Math.min(first.count, limit)
  const revision = request.revision !== undefined && request.revision > 0 ? request.revision : first.revision

  let sent = 0
  let chunk: RangeResult = first
  for (;;) {
    const { kvs } = chunk
    sent += kvs.length
    const last = kvs.at(-1)
    if (sent >= wanted || last === undefined) {
      const more = !request.countOnly && first.count > limit
      yield { rangeResponse: { header, kvs, more, count: first.count } }
      return
    }
    yield { rangeResponse: { kvs, more: false, count: 0 } }
    chunkKeys = Math.min(
      nextChunkKeys(chunkKeys, bytesIn(kvs), server.options.requestMaxBytes),
      wanted - sent,
    )
    // The revision is fixed by now: any member that has it gives the same answer.
    chunk = await server.store.range(
      { ...request, key: successor(last.key), revision, limit: chunkKeys },
      { serializable: true, signal: context.signal },
    )
  }
}

/** Another order, or a filter, would need the whole range first. */
function requireKeyOrder(request: RangeRequest): void {
  const { sortOrder, sortTarget, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } =
    request
  const filters = [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision]
  if (sortOrder === 'descend' || sortTarget !== 'key' || filters.some((bound) => bound !== 0)) {
    throw new EtcdError('ETCD_UNIMPLEMENTED', {
      details: 'range stream does not support sorting or revision filters',
    })
  }
}

function nextChunkKeys(keys: number, bytes: number, targetBytes: number): number {
  if (bytes > targetBytes * 2) return Math.max(1, Math.floor(keys / 2))
  if (bytes < targetBytes / 2) return keys * 2
  return keys
}

function bytesIn(kvs: readonly KeyValue[]): number {
  return kvs.reduce((sum, { record }) => sum + record.length, 0)
}

/** The key that comes right after another. */
function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
