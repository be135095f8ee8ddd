import { fileKeyOf } from '../keys.ts'
import type { FileKey, Release, ReleaseInfo } from '../model.ts'

/** What all who read a release share. @param info what is said of it; what only the hub needs of it is left out */
export function releaseOf({ namespace, group, file }: FileKey, info: ReleaseInfo, content: string): Release {
  const { version, name, md5, sizeBytes, format, tags, comment, encrypted } = info
  const { origin, from, releasedAtMs, actor, reason } = info
  // Field by field: spreading several objects into one takes twenty times as long.
  return Object.freeze({
    namespace,
    group,
    file,
    version,
    name,
    md5,
    sizeBytes,
    format,
    tags,
    comment,
    encrypted,
    origin,
    from,
    releasedAtMs,
    actor,
    reason,
    content,
  })
}

/** The same. @param path as `filePath` makes it */
export function releaseAt(path: string, info: ReleaseInfo, content: string): Release {
  return releaseOf(fileKeyOf(path), info, content)
}

/** UTF-8 as text, with the mark at its begin, if it has one: it is a part of the content. */
export function textOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString()
}
