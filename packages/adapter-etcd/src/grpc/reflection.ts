import { fileDescriptors } from '../generated/descriptors.ts'

/**
 * Describes the protocol files of this package, for `createReflectionService` of `@orrery/grpc-server`: with
 * it, clients such as `grpcurl` need no protocol files of their own.
 *
 * @returns a serialized `google.protobuf.FileDescriptorProto` of each file: `etcdserverpb` with `mvccpb` and
 * `authpb`, `v3lockpb`, `v3electionpb`, and `grpc.health.v1`. They are decoded anew by each call.
 */
export function etcdFileDescriptors(): readonly Uint8Array[] {
  return fileDescriptors.map((base64) => Buffer.from(base64, 'base64'))
}
