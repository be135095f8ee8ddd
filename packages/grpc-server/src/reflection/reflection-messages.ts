import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import {
  fieldOf,
  type FieldWriter,
  readFields,
  writeInt32,
  writeMessage,
  writeString,
} from '../protobuf/message-fields.ts'

/** What a client asks: `message_request` of a request. */
export type ReflectionQuery =
  | { readonly type: 'fileByFilename'; readonly filename: string }
  | { readonly type: 'fileContainingSymbol'; readonly symbol: string }
  | { readonly type: 'fileContainingExtension'; readonly containingType: string; readonly number: number }
  | { readonly type: 'allExtensionNumbersOfType'; readonly containingType: string }
  | { readonly type: 'listServices'; readonly content: string }

/** `ServerReflectionRequest` */
export interface ReflectionRequest {
  readonly host: string
  /** `undefined`: the request asks nothing that is known here. */
  readonly query: ReflectionQuery | undefined
}

/** What a client gets: `message_response` of a response. */
export type ReflectionAnswer =
  /** Serialized `google.protobuf.FileDescriptorProto` messages. */
  | { readonly type: 'files'; readonly fileDescriptors: readonly Uint8Array[] }
  | { readonly type: 'extensionNumbers'; readonly baseType: string; readonly numbers: readonly number[] }
  | { readonly type: 'services'; readonly names: readonly string[] }
  /** `code` is a gRPC status. */
  | { readonly type: 'error'; readonly code: number; readonly message: string }

/** `ServerReflectionResponse` */
export interface ReflectionResponse {
  readonly request: ReflectionRequest
  /** `undefined`: an answer of a kind that is not known here. */
  readonly answer: ReflectionAnswer | undefined
}

/** A oneof says what it is even when its value is empty, so that nothing is left out here. */
function writeQuery(writer: FieldWriter, query: ReflectionQuery): void {
  switch (query.type) {
    case 'fileByFilename':
      writer.uint32(fieldOf.bytes(3)).string(query.filename)
      return
    case 'fileContainingSymbol':
      writer.uint32(fieldOf.bytes(4)).string(query.symbol)
      return
    case 'fileContainingExtension':
      writer.uint32(fieldOf.bytes(5)).fork()
      writeString(writer, 1, query.containingType)
      writeInt32(writer, 2, query.number)
      writer.ldelim()
      return
    case 'allExtensionNumbersOfType':
      writer.uint32(fieldOf.bytes(6)).string(query.containingType)
      return
    case 'listServices':
      writer.uint32(fieldOf.bytes(7)).string(query.content)
  }
}

function writeRequest(writer: FieldWriter, { host, query }: ReflectionRequest): void {
  writeString(writer, 1, host)
  if (query !== undefined) writeQuery(writer, query)
}

function readExtension(bytes: Uint8Array): ReflectionQuery {
  let containingType = ''
  let number = 0
  readFields(bytes, (tag, reader) => {
    if (tag === fieldOf.bytes(1)) containingType = reader.stringVerify()
    else if (tag === fieldOf.varint(2)) number = reader.int32()
    else return false
    return true
  })
  return { type: 'fileContainingExtension', containingType, number }
}

function readRequest(bytes: Uint8Array): ReflectionRequest {
  let host = ''
  let query: ReflectionQuery | undefined
  readFields(bytes, (tag, reader) => {
    if (tag === fieldOf.bytes(1)) host = reader.stringVerify()
    else if (tag === fieldOf.bytes(3)) query = { type: 'fileByFilename', filename: reader.stringVerify() }
    else if (tag === fieldOf.bytes(4)) query = { type: 'fileContainingSymbol', symbol: reader.stringVerify() }
    else if (tag === fieldOf.bytes(5)) query = readExtension(reader.bytes())
    else if (tag === fieldOf.bytes(6)) {
      query = { type: 'allExtensionNumbersOfType', containingType: reader.stringVerify() }
    } else if (tag === fieldOf.bytes(7)) query = { type: 'listServices', content: reader.stringVerify() }
    else return false
    return true
  })
  return { host, query }
}

function writeAnswer(writer: FieldWriter, answer: ReflectionAnswer): void {
  switch (answer.type) {
    case 'files':
      writer.uint32(fieldOf.bytes(4)).fork()
      for (const bytes of answer.fileDescriptors) writer.uint32(fieldOf.bytes(1)).bytes(bytes)
      break
    case 'extensionNumbers':
      writer.uint32(fieldOf.bytes(5)).fork()
      writeString(writer, 1, answer.baseType)
      if (answer.numbers.length > 0) {
        writer.uint32(fieldOf.bytes(2)).fork()
        for (const number of answer.numbers) writer.int32(number)
        writer.ldelim()
      }
      break
    case 'services':
      writer.uint32(fieldOf.bytes(6)).fork()
      for (const name of answer.names) {
        writer.uint32(fieldOf.bytes(1)).fork()
        writeString(writer, 1, name)
        writer.ldelim()
      }
      break
    case 'error':
      writer.uint32(fieldOf.bytes(7)).fork()
      writeInt32(writer, 1, answer.code)
      writeString(writer, 2, answer.message)
  }
  writer.ldelim()
}

function writeResponse(writer: FieldWriter, { request, answer }: ReflectionResponse): void {
  writeString(writer, 1, request.host)
  writer.uint32(fieldOf.bytes(2)).fork()
  writeRequest(writer, request)
  writer.ldelim()
  if (answer !== undefined) writeAnswer(writer, answer)
}

function readFiles(bytes: Uint8Array): ReflectionAnswer {
  const fileDescriptors: Uint8Array[] = []
  readFields(bytes, (tag, reader) => {
    if (tag !== fieldOf.bytes(1)) return false
    fileDescriptors.push(reader.bytes())
    return true
  })
  return { type: 'files', fileDescriptors }
}

function readExtensionNumbers(bytes: Uint8Array): ReflectionAnswer {
  let baseType = ''
  const numbers: number[] = []
  readFields(bytes, (tag, reader) => {
    if (tag === fieldOf.bytes(1)) baseType = reader.stringVerify()
    else if (tag === fieldOf.varint(2)) numbers.push(reader.int32())
    else if (tag === fieldOf.bytes(2)) {
      for (const end = reader.uint32() + reader.pos; reader.pos < end; ) numbers.push(reader.int32())
    } else return false
    return true
  })
  return { type: 'extensionNumbers', baseType, numbers }
}

function readServices(bytes: Uint8Array): ReflectionAnswer {
  const names: string[] = []
  readFields(bytes, (tag, reader) => {
    if (tag !== fieldOf.bytes(1)) return false
    let name = ''
    readFields(reader.bytes(), (serviceTag, service) => {
      if (serviceTag !== fieldOf.bytes(1)) return false
      name = service.stringVerify()
      return true
    })
    names.push(name)
    return true
  })
  return { type: 'services', names }
}

function readError(bytes: Uint8Array): ReflectionAnswer {
  let code = 0
  let message = ''
  readFields(bytes, (tag, reader) => {
    if (tag === fieldOf.varint(1)) code = reader.int32()
    else if (tag === fieldOf.bytes(2)) message = reader.stringVerify()
    else return false
    return true
  })
  return { type: 'error', code, message }
}

function readResponse(bytes: Uint8Array): ReflectionResponse {
  let request: ReflectionRequest = { host: '', query: undefined }
  let answer: ReflectionAnswer | undefined
  readFields(bytes, (tag, reader) => {
    if (tag === fieldOf.bytes(2)) request = readRequest(reader.bytes())
    else if (tag === fieldOf.bytes(4)) answer = readFiles(reader.bytes())
    else if (tag === fieldOf.bytes(5)) answer = readExtensionNumbers(reader.bytes())
    else if (tag === fieldOf.bytes(6)) answer = readServices(reader.bytes())
    else if (tag === fieldOf.bytes(7)) answer = readError(reader.bytes())
    else return false
    return true
  })
  return { request, answer }
}

/** `ServerReflection` of either version, for servers and for clients. */
export interface ReflectionDefinition extends ServiceDefinition {
  readonly ServerReflectionInfo: MethodDefinition<ReflectionRequest, ReflectionResponse>
}

/** The versions of the protocol, which differ in nothing but their names. */
export const reflectionPackages = ['grpc.reflection.v1', 'grpc.reflection.v1alpha'] as const

/** Describes the service of one version to a gRPC server or client. */
export function reflectionDefinition(packageName: (typeof reflectionPackages)[number]): ReflectionDefinition {
  return {
    ServerReflectionInfo: {
      path: `/${packageName}.ServerReflection/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: (request) => writeMessage((writer) => writeRequest(writer, request)),
      requestDeserialize: readRequest,
      responseSerialize: (response) => writeMessage((writer) => writeResponse(writer, response)),
      responseDeserialize: readResponse,
    },
  }
}
