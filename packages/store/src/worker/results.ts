import {
  type DeleteRangeResult,
  KeyValue,
  type PutResult,
  type RangeResult,
  type TxnOpResult,
  type TxnResult,
  type WatchEvent,
  type WatchResponse,
} from '@orrery/mvcc'
import { opTypes } from '../command-format.ts'
import type { FieldReader } from '../field-reader.ts'
import type { FieldWriter } from '../field-writer.ts'
import type { WatchBatch } from '../store.ts'

// Results on their way between threads. Records of keys travel as the backend stores them, and are decoded where
// somebody looks at them; those of one message share its memory.

/** How the result of an operation is written. */
export const resultWriters = {
  range: writeRange,
  put: writePut,
  deleteRange: writeDeleteRange,
  txn: writeTxn,
} as const

/** The other end of {@link resultWriters}. */
export const resultReaders = {
  range: readRange,
  put: readPut,
  deleteRange: readDeleteRange,
  txn: readTxn,
} as const

function writeRange(to: FieldWriter, { revision, kvs, more, count }: RangeResult): void {
  to.number(revision)
  to.number(count)
  to.flag(more)
  writeKvs(to, kvs)
}

function readRange(from: FieldReader): RangeResult {
  return { revision: from.number(), count: from.number(), more: from.byte() === 1, kvs: readKvs(from) }
}

function writePut(to: FieldWriter, { revision, prevKv }: PutResult): void {
  to.number(revision)
  writeOptional(to, prevKv)
}

function readPut(from: FieldReader): PutResult {
  return { revision: from.number(), prevKv: readOptional(from) }
}

function writeDeleteRange(to: FieldWriter, { revision, deleted, prevKvs }: DeleteRangeResult): void {
  to.number(revision)
  to.number(deleted)
  writeKvs(to, prevKvs)
}

function readDeleteRange(from: FieldReader): DeleteRangeResult {
  return { revision: from.number(), deleted: from.number(), prevKvs: readKvs(from) }
}

function writeTxn(to: FieldWriter, { revision, succeeded, responses }: TxnResult): void {
  to.number(revision)
  to.flag(succeeded)
  to.count(responses.length)
  for (const response of responses) {
    to.enumerated(opTypes, response.type)
    writeOpResult(to, response)
  }
}

function readTxn(from: FieldReader): TxnResult {
  return {
    revision: from.number(),
    succeeded: from.byte() === 1,
    responses: from.list(() => readOpResult(from)),
  }
}

function writeOpResult(to: FieldWriter, result: TxnOpResult): void {
  switch (result.type) {
    case 'range':
      writeRange(to, result)
      break
    case 'put':
      writePut(to, result)
      break
    case 'deleteRange':
      writeDeleteRange(to, result)
      break
    case 'txn':
      writeTxn(to, result)
      break
  }
}

function readOpResult(from: FieldReader): TxnOpResult {
  const type = from.enumerated(opTypes)
  switch (type) {
    case 'range':
      return { type, ...readRange(from) }
    case 'put':
      return { type, ...readPut(from) }
    case 'deleteRange':
      return { type, ...readDeleteRange(from) }
    case 'txn':
      return { type, ...readTxn(from) }
  }
}

const eventTypes = ['put', 'delete'] as const satisfies readonly WatchEvent['type'][]
const responseTypes = ['events', 'progress', 'compacted'] as const satisfies readonly WatchResponse['type'][]
/** In the place of an id: all watchers of the stream. */
const everyWatcher = -1

export function writeResponses(to: FieldWriter, responses: readonly WatchResponse[]): void {
  to.count(responses.length)
  for (const response of responses) {
    to.enumerated(responseTypes, response.type)
    to.number(response.watchId ?? everyWatcher)
    to.number(response.type === 'compacted' ? response.compactRevision : response.revision)
    if (response.type === 'events') writeEvents(to, response.events)
  }
}

export function readResponses(from: FieldReader): readonly WatchResponse[] {
  return from.list(() => {
    const type = from.enumerated(responseTypes)
    const watchId = from.number()
    const revision = from.number()
    switch (type) {
      case 'events':
        return { type, watchId, revision, events: readEvents(from) }
      case 'progress':
        return { type, watchId: watchId === everyWatcher ? undefined : watchId, revision }
      case 'compacted':
        return { type, watchId, compactRevision: revision }
    }
  })
}

export function writeBatch(to: FieldWriter, { revision, events }: WatchBatch): void {
  to.number(revision)
  writeEvents(to, events)
}

export function readBatch(from: FieldReader): WatchBatch {
  return { revision: from.number(), events: readEvents(from) }
}

function writeEvents(to: FieldWriter, events: readonly WatchEvent[]): void {
  to.count(events.length)
  for (const { type, kv, prevKv } of events) {
    to.enumerated(eventTypes, type)
    to.bytes(kv.record)
    writeOptional(to, prevKv)
  }
}

function readEvents(from: FieldReader): readonly WatchEvent[] {
  return from.list(() => {
    const type = from.enumerated(eventTypes)
    return { type, kv: new KeyValue(from.bytes()), prevKv: readOptional(from) }
  })
}

function writeKvs(to: FieldWriter, kvs: readonly KeyValue[]): void {
  to.count(kvs.length)
  for (const { record } of kvs) to.bytes(record)
}

function readKvs(from: FieldReader): readonly KeyValue[] {
  return from.list(() => new KeyValue(from.bytes()))
}

function writeOptional(to: FieldWriter, kv: KeyValue | undefined): void {
  to.flag(kv !== undefined)
  if (kv !== undefined) to.bytes(kv.record)
}

function readOptional(from: FieldReader): KeyValue | undefined {
  return from.byte() === 1 ? new KeyValue(from.bytes()) : undefined
}
