/** A service within a package, a method within a service, a message within a method. */
const depthMax = 3

/**
 * Collects the descriptors that `@grpc/proto-loader` puts into its definitions, for a reflection service.
 * Definitions that were made otherwise have none, and add nothing.
 *
 * @param definitions - package definitions, which are what `load` gives, or single service definitions
 * @returns serialized `google.protobuf.FileDescriptorProto` messages, each once
 */
export function fileDescriptorsOf(...definitions: readonly object[]): readonly Uint8Array[] {
  const found = new Set<Uint8Array>()
  for (const definition of definitions) collect(definition, found, 0)
  return [...found]
}

function collect(value: unknown, found: Set<Uint8Array>, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if ('fileDescriptorProtos' in value && Array.isArray(value.fileDescriptorProtos)) {
    for (const bytes of value.fileDescriptorProtos) if (bytes instanceof Uint8Array) found.add(bytes)
    return
  }
  if (depth === depthMax) return
  for (const nested of Object.values(value)) collect(nested, found, depth + 1)
}
