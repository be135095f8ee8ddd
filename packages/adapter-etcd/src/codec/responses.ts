import type { ResponseHeader, WatchResponse } from '../messages.ts'
import { mvccpb, type etcdserverpb, type v3electionpb } from '../generated/messages.js'
import { bytesOf } from './message.ts'
import { WireWriter } from './wire-writer.ts'

// The responses that carry key-values, written by hand: a store's key-value brings its encoded form, which is
// copied and never decoded. Fields are in order of their numbers and left out when zero, as Go writes them.

/** Tag of a field: its number and wire type. */
const varint = (field: number): number => field << 3
const delimited = (field: number): number => (field << 3) | 2

type Header = (etcdserverpb.ResponseHeader & Pick<ResponseHeader, 'encodedIds'>) | null | undefined
type Int64 = number | bigint | null | undefined

export function encodeRangeResponse(response: etcdserverpb.RangeResponse): Buffer {
  return bytesOf(writeRange(new WireWriter(sizeOf(response.kvs)), response))
}

export function encodeRangeStreamResponse({ rangeResponse }: etcdserverpb.RangeStreamResponse): Buffer {
  const writer = new WireWriter(sizeOf(rangeResponse?.kvs))
  if (rangeResponse) nested(writer, 1, rangeResponse, writeRange)
  return bytesOf(writer)
}

export function encodePutResponse(response: etcdserverpb.PutResponse): Buffer {
  return bytesOf(writePut(new WireWriter(), response))
}

export function encodeDeleteRangeResponse(response: etcdserverpb.DeleteRangeResponse): Buffer {
  return bytesOf(writeDeleteRange(new WireWriter(sizeOf(response.prevKvs)), response))
}

export function encodeTxnResponse(response: etcdserverpb.TxnResponse): Buffer {
  return bytesOf(writeTxn(new WireWriter(), response))
}

export function encodeWatchResponse(
  response: etcdserverpb.WatchResponse & Pick<WatchResponse, 'shared'>,
): Buffer {
  const { shared } = response
  if (shared === undefined) return encodeWatch(response)
  return (shared.encoded ??= encodeWatch(response))
}

function encodeWatch(response: etcdserverpb.WatchResponse): Buffer {
  const writer = new WireWriter()
  header(writer, response.header)
  int64(writer, 2, response.watchId)
  bool(writer, 3, response.created)
  bool(writer, 4, response.canceled)
  int64(writer, 5, response.compactRevision)
  if (response.cancelReason) writer.uint32(delimited(6)).string(response.cancelReason)
  bool(writer, 7, response.fragment)
  for (const event of response.events ?? []) nested(writer, 11, event, writeEvent)
  return bytesOf(writer)
}

export function encodeLeaderResponse(response: v3electionpb.LeaderResponse): Buffer {
  const writer = new WireWriter()
  header(writer, response.header)
  keyValue(writer, 2, response.kv)
  return bytesOf(writer)
}

/** Room for a header and a list of key-values, so that the writer need not grow. Unit: bytes. */
function sizeOf(kvs: readonly mvccpb.KeyValue[] | null | undefined): number {
  let size = 96
  for (const kv of kvs ?? []) size += 8 + (recordOf(kv)?.length ?? 0)
  return size
}

/** A key-value of a store, encoded; undefined for one of another origin. */
function recordOf(kv: mvccpb.KeyValue): Uint8Array | undefined {
  return 'record' in kv && kv.record instanceof Uint8Array ? kv.record : undefined
}

function writeRange(writer: WireWriter, response: etcdserverpb.RangeResponse): WireWriter {
  header(writer, response.header)
  for (const kv of response.kvs ?? []) keyValue(writer, 2, kv)
  bool(writer, 3, response.more)
  int64(writer, 4, response.count)
  return writer
}

/** The ids of a header as they are in it, for {@link ResponseHeader.encodedIds}. */
export function encodeIds(clusterId: bigint, memberId: bigint): Buffer {
  const writer = new WireWriter()
  int64(writer, 1, clusterId)
  int64(writer, 2, memberId)
  return bytesOf(writer)
}

function writePut(writer: WireWriter, response: etcdserverpb.PutResponse): WireWriter {
  header(writer, response.header)
  keyValue(writer, 2, response.prevKv)
  return writer
}

function writeDeleteRange(writer: WireWriter, response: etcdserverpb.DeleteRangeResponse): WireWriter {
  header(writer, response.header)
  int64(writer, 2, response.deleted)
  for (const kv of response.prevKvs ?? []) keyValue(writer, 3, kv)
  return writer
}

function writeTxn(writer: WireWriter, response: etcdserverpb.TxnResponse): WireWriter {
  header(writer, response.header)
  bool(writer, 2, response.succeeded)
  for (const op of response.responses ?? []) nested(writer, 3, op, writeOp)
  return writer
}

function writeOp(writer: WireWriter, op: etcdserverpb.ResponseOp): void {
  if (op.responseRange) nested(writer, 1, op.responseRange, writeRange)
  else if (op.responsePut) nested(writer, 2, op.responsePut, writePut)
  else if (op.responseDeleteRange) nested(writer, 3, op.responseDeleteRange, writeDeleteRange)
  else if (op.responseTxn) nested(writer, 4, op.responseTxn, writeTxn)
}

function writeEvent(writer: WireWriter, event: mvccpb.Event): void {
  int64(writer, 1, event.type)
  keyValue(writer, 2, event.kv)
  keyValue(writer, 3, event.prevKv)
}

function header(writer: WireWriter, value: Header): void {
  if (!value) return
  writer.uint32(delimited(1)).fork()
  if (value.encodedIds !== undefined) writer.raw(value.encodedIds)
  else {
    int64(writer, 1, value.clusterId)
    int64(writer, 2, value.memberId)
  }
  int64(writer, 3, value.revision)
  int64(writer, 4, value.raftTerm)
  writer.ldelim()
}

function keyValue(writer: WireWriter, field: number, kv: mvccpb.KeyValue | null | undefined): void {
  if (!kv) return
  writer.uint32(delimited(field))
  const record = recordOf(kv)
  if (record !== undefined) writer.bytes(record)
  else {
    writer.fork()
    mvccpb.KeyValue.encode(kv, writer)
    writer.ldelim()
  }
}

function nested<Message>(
  writer: WireWriter,
  field: number,
  message: Message,
  write: (writer: WireWriter, message: Message) => void,
): void {
  writer.uint32(delimited(field)).fork()
  write(writer, message)
  writer.ldelim()
}

function int64(writer: WireWriter, field: number, value: Int64): void {
  if (!value) return
  writer.uint32(varint(field))
  writer.int64(value)
}

function bool(writer: WireWriter, field: number, value: boolean | null | undefined): void {
  if (value) writer.uint32(varint(field)).bool(value)
}
