import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import { fieldOf, readFields, writeInt32, writeMessage, writeString } from '../protobuf/message-fields.ts'

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. `SERVICE_UNKNOWN` occurs in watches only. */
export const servingStatuses = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const

/** `grpc.health.v1.HealthCheckRequest` */
export interface HealthCheckRequest {
  /** Full name of a service; empty: the server as a whole. */
  readonly service: string
}

/** `grpc.health.v1.HealthCheckResponse` */
export interface HealthCheckResponse {
  /** One of {@link servingStatuses}, or one that is not known yet. */
  readonly status: number
}

/** `grpc.health.v1.HealthListRequest`, which has no fields. */
export type HealthListRequest = Readonly<Record<string, never>>

/** `grpc.health.v1.HealthListResponse` */
export interface HealthListResponse {
  /** By full name of the service. */
  readonly statuses: Readonly<Record<string, HealthCheckResponse>>
}

function encodeRequest({ service }: HealthCheckRequest): Buffer {
  return writeMessage((writer) => {
    writeString(writer, 1, service)
  })
}

function decodeRequest(bytes: Uint8Array): HealthCheckRequest {
  let service = ''
  readFields(bytes, (tag, reader) => {
    if (tag !== fieldOf.bytes(1)) return false
    service = reader.stringVerify()
    return true
  })
  return { service }
}

function encodeResponse({ status }: HealthCheckResponse): Buffer {
  return writeMessage((writer) => {
    writeInt32(writer, 1, status)
  })
}

function decodeResponse(bytes: Uint8Array): HealthCheckResponse {
  let status = 0
  readFields(bytes, (tag, reader) => {
    if (tag !== fieldOf.varint(1)) return false
    status = reader.int32()
    return true
  })
  return { status }
}

function encodeListRequest(): Buffer {
  return Buffer.alloc(0)
}

function decodeListRequest(bytes: Uint8Array): HealthListRequest {
  readFields(bytes, () => false)
  return {}
}

/** A map is a list of messages of a key and a value. */
function encodeListResponse({ statuses }: HealthListResponse): Buffer {
  return writeMessage((writer) => {
    for (const [service, status] of Object.entries(statuses)) {
      const entry = writer.uint32(fieldOf.bytes(1)).fork()
      writeString(entry, 1, service)
      entry.uint32(fieldOf.bytes(2)).bytes(encodeResponse(status)).ldelim()
    }
  })
}

function decodeListResponse(bytes: Uint8Array): HealthListResponse {
  const statuses = new Map<string, HealthCheckResponse>()
  readFields(bytes, (tag, reader) => {
    if (tag !== fieldOf.bytes(1)) return false
    let service = ''
    let response: HealthCheckResponse = { status: servingStatuses.UNKNOWN }
    readFields(reader.bytes(), (entryTag, entry) => {
      if (entryTag === fieldOf.bytes(1)) service = entry.stringVerify()
      else if (entryTag === fieldOf.bytes(2)) response = decodeResponse(entry.bytes())
      else return false
      return true
    })
    statuses.set(service, response)
    return true
  })
  return { statuses: Object.fromEntries(statuses) }
}

/** `grpc.health.v1.Health`, for servers and for clients. */
export interface HealthDefinition extends ServiceDefinition {
  readonly Check: MethodDefinition<HealthCheckRequest, HealthCheckResponse>
  readonly List: MethodDefinition<HealthListRequest, HealthListResponse>
  readonly Watch: MethodDefinition<HealthCheckRequest, HealthCheckResponse>
}

const checkMessages = {
  requestStream: false,
  requestSerialize: encodeRequest,
  requestDeserialize: decodeRequest,
  responseSerialize: encodeResponse,
  responseDeserialize: decodeResponse,
} as const

/** The health protocol of gRPC, version 1, with `List` of gRFC A90. */
export const healthDefinition: HealthDefinition = {
  Check: { ...checkMessages, path: '/grpc.health.v1.Health/Check', responseStream: false },
  List: {
    path: '/grpc.health.v1.Health/List',
    requestStream: false,
    responseStream: false,
    requestSerialize: encodeListRequest,
    requestDeserialize: decodeListRequest,
    responseSerialize: encodeListResponse,
    responseDeserialize: decodeListResponse,
  },
  Watch: { ...checkMessages, path: '/grpc.health.v1.Health/Watch', responseStream: true },
}
