import { Metadata } from '@grpc/grpc-js'

/** Metadata of these pairs. */
export function metadataOf(...pairs: readonly (readonly [key: string, value: string | Buffer])[]): Metadata {
  const metadata = new Metadata()
  for (const [key, value] of pairs) metadata.add(key, value)
  return metadata
}
