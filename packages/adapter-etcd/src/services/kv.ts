import type { DeleteRangeResult, PutResult, RangeResult, TxnOpResult } from '@orrery/mvcc'
import { toSafeInteger } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type {
  DeleteRangeResponse,
  PutResponse,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
} from '../messages.ts'
import {
  toDeleteRangeRequest,
  toPutRequest,
  toRangeRequest,
  toReadOptions,
  toTxnRequest,
} from './kv-requests.ts'
import { rangeStream } from './range-stream.ts'
import { putSize, txnSize } from './request-size.ts'
import type { Server } from './server.ts'
import type { KvService } from './services.ts'

/** Creates the service of keys and values. */
export function kvService(server: Server): KvService {
  const { store, options } = server
  const admitSize = (size: number): void => {
    if (size > options.requestMaxBytes) throw new EtcdError('ETCD_REQUEST_TOO_LARGE')
  }
  // Writes do not get the signal: once in the log, they take effect whether somebody waits for them or not.
  return {
    range: server.unary(async (message, context) => {
      const result = await store.range(toRangeRequest(message), toReadOptions(message, context))
      return rangeResponse(result, server.header(result.revision))
    }),
    put: server.unary(async (message) => {
      const request = toPutRequest(message)
      admitSize(putSize(message))
      const result = await store.put(request)
      return putResponse(result, server.header(result.revision))
    }),
    deleteRange: server.unary(async (message) => {
      const result = await store.deleteRange(toDeleteRangeRequest(message))
      return deleteRangeResponse(result, server.header(result.revision))
    }),
    txn: server.unary(async (message) => {
      const request = toTxnRequest(message, options.txnMaxOps)
      admitSize(txnSize(message))
      const { revision, succeeded, responses } = await store.txn(request)
      return { header: server.header(revision), succeeded, responses: responses.map(responseOp) }
    }),
    compact: server.unary(async ({ revision, physical }, context) => {
      const request = { revision: toSafeInteger(revision), physical: physical ?? false }
      const result = await store.compact(request, context)
      return { header: server.header(result.revision) }
    }),
    rangeStream: server.serverStream((message, context) => rangeStream(server, message, context)),
  }
}

function rangeResponse(result: RangeResult, header: ResponseHeader): RangeResponse {
  return { header, kvs: result.kvs, more: result.more, count: result.count }
}

function putResponse(result: PutResult, header: ResponseHeader): PutResponse {
  return { header, prevKv: result.prevKv }
}

function deleteRangeResponse(result: DeleteRangeResult, header: ResponseHeader): DeleteRangeResponse {
  return { header, deleted: result.deleted, prevKvs: result.prevKvs }
}

/** Results inside a txn carry a revision only, and nested txns not even that. */
function responseOp(result: TxnOpResult): ResponseOp {
  const header = { revision: result.revision }
  switch (result.type) {
    case 'range':
      return { responseRange: rangeResponse(result, header) }
    case 'put':
      return { responsePut: putResponse(result, header) }
    case 'deleteRange':
      return { responseDeleteRange: deleteRangeResponse(result, header) }
    case 'txn': {
      const { succeeded, responses } = result
      return { responseTxn: { header: {}, succeeded, responses: responses.map(responseOp) } }
    }
  }
}
