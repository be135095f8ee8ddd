import {
  fieldOf,
  type FieldWriter,
  writeInt32,
  writeMessage,
  writeString,
} from '../protobuf/message-fields.ts'
import { type HealthDefinition, servingStatuses } from './health-messages.ts'

/** Adds a descriptor of the protocol to its first method, where `@grpc/proto-loader` has it, too. */
export function describeHealth(definition: HealthDefinition): HealthDefinition {
  const requestType = { fileDescriptorProtos: [healthFileDescriptor()] }
  return { ...definition, Check: { ...definition.Check, requestType } as HealthDefinition['Check'] }
}

/** A descriptor that goes into another one, as the field of this number. */
interface Part {
  readonly id: number
  readonly bytes: Buffer
}

/** Every descriptor has its name first; the numbers are those of `google/protobuf/descriptor.proto`. */
function part(id: number, name: string, write: (writer: FieldWriter) => void): Part {
  const bytes = writeMessage((writer) => {
    writeString(writer, 1, name)
    write(writer)
  })
  return { id, bytes }
}

function put(writer: FieldWriter, parts: readonly Part[]): void {
  for (const { id, bytes } of parts) writer.uint32(fieldOf.bytes(id)).bytes(bytes)
}

/** `FieldDescriptorProto.Type` */
const fieldTypes = { string: 9, message: 11, enum: 14 } as const
/** `FieldDescriptorProto.Label` */
const labels = { one: 1, many: 3 } as const

interface FieldShape {
  readonly number: number
  readonly type: keyof typeof fieldTypes
  readonly typeName?: string
  readonly label?: keyof typeof labels
}

function field(name: string, { number, type, typeName = '', label = 'one' }: FieldShape): Part {
  return part(2, name, (writer) => {
    writeInt32(writer, 3, number)
    writeInt32(writer, 4, labels[label])
    writeInt32(writer, 5, fieldTypes[type])
    writeString(writer, 6, typeName)
    writeString(writer, 10, name)
  })
}

function messageType(name: string, ...parts: readonly Part[]): Part {
  return part(4, name, (writer) => put(writer, parts))
}

function method(name: string, request: string, response: string, streams = 0): Part {
  return part(2, name, (writer) => {
    writeString(writer, 2, `.grpc.health.v1.${request}`)
    writeString(writer, 3, `.grpc.health.v1.${response}`)
    writeInt32(writer, 6, streams)
  })
}

function servingStatus(): Part {
  const values = Object.entries(servingStatuses).map(([name, value]) =>
    part(2, name, (writer) => writer.uint32(fieldOf.varint(2)).int32(value)),
  )
  return part(4, 'ServingStatus', (writer) => put(writer, values))
}

/** What makes the nested message `StatusesEntry` the entries of a map: `MessageOptions.map_entry`. */
function statusesEntry(): Part {
  const value = { number: 2, type: 'message', typeName: '.grpc.health.v1.HealthCheckResponse' } as const
  return part(3, 'StatusesEntry', (writer) => {
    put(writer, [field('key', { number: 1, type: 'string' }), field('value', value)])
    writer.uint32(fieldOf.bytes(7)).fork().uint32(fieldOf.varint(7)).bool(true).ldelim()
  })
}

/** `grpc/health/v1/health.proto` as a `google.protobuf.FileDescriptorProto`. */
function healthFileDescriptor(): Buffer {
  const status = {
    number: 1,
    type: 'enum',
    typeName: '.grpc.health.v1.HealthCheckResponse.ServingStatus',
  } as const
  const statuses = {
    number: 1,
    type: 'message',
    typeName: '.grpc.health.v1.HealthListResponse.StatusesEntry',
  } as const
  const { bytes } = part(0, 'grpc/health/v1/health.proto', (writer) => {
    writeString(writer, 2, 'grpc.health.v1')
    put(writer, [
      messageType('HealthCheckRequest', field('service', { number: 1, type: 'string' })),
      messageType('HealthCheckResponse', field('status', status), servingStatus()),
      messageType('HealthListRequest'),
      messageType('HealthListResponse', field('statuses', { ...statuses, label: 'many' }), statusesEntry()),
      part(6, 'Health', (service) =>
        put(service, [
          method('Check', 'HealthCheckRequest', 'HealthCheckResponse'),
          method('List', 'HealthListRequest', 'HealthListResponse'),
          method('Watch', 'HealthCheckRequest', 'HealthCheckResponse', 1),
        ]),
      ),
    ])
    writeString(writer, 12, 'proto3')
  })
  return bytes
}
