import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import protobuf from 'protobufjs'
import descriptor from 'protobufjs/ext/descriptor.js'

const { MapField, Root, Type } = protobuf

type FileDescriptor = ReturnType<protobuf.Root['toDescriptor']>['file'][number]
type MessageDescriptor = NonNullable<FileDescriptor['messageType']>[number]

/** A serialized `google.protobuf.FileDescriptorProto`. */
export interface DescribedFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Describes protocol files as `protoc` does: protobuf.js itself knows of packages only, neither of files nor
 * of imports, and writes the names of types as short as it can.
 *
 * @param paths - each after those that it imports, and no two of one package
 */
export function describeFiles(directory: string, paths: readonly string[]): readonly DescribedFile[] {
  const root = new Root()
  const sources = paths.map((path) => {
    const text = readFileSync(path.startsWith('/') ? path : join(directory, path), 'utf8')
    return { name: basename(path), ...protobuf.parse(text, root, { keepCase: true }) }
  })
  root.resolveAll()
  const packages = new Map(root.toDescriptor('proto3').file.map((file) => [file.package, file]))
  return sources.map(({ name, package: packageName, imports }) => {
    const file = packages.get(packageName ?? '')
    if (file === undefined || !packages.delete(packageName ?? '')) throw new Error(`${name} is of no package`)
    const described = descriptor.FileDescriptorProto.create({ ...file, name, dependency: imports ?? [] })
    for (const message of file.messageType ?? [])
      qualify(root.lookupType(`${packageName}.${message.name}`), message)
    return { name, bytes: descriptor.FileDescriptorProto.encode(described).finish() }
  })
}

/** Gives every type that a message mentions its full name, and the entries of maps theirs. */
function qualify(type: protobuf.Type, message: MessageDescriptor): void {
  for (const field of message.field ?? []) {
    const of = type.fieldsArray.find(({ id }) => id === field.number)
    if (of instanceof MapField) {
      const entry = message.nestedType?.find(({ name }) => name === field.typeName)
      if (entry === undefined) throw new Error(`no entry for ${of.fullName}`)
      entry.name = entryName(of.name)
      field.typeName = `${type.fullName}.${entry.name}`
      const value = entry.field?.find(({ name }) => name === 'value')
      if (value !== undefined && of.resolvedType !== null) value.typeName = of.resolvedType.fullName
    } else if (of !== undefined && of.resolvedType !== null) field.typeName = of.resolvedType.fullName
  }
  for (const nested of message.nestedType ?? []) {
    const of = type.nested?.[nested.name ?? '']
    if (of instanceof Type) qualify(of, nested)
  }
}

/** `some_field` is a list of `SomeFieldEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase())}Entry`
}
