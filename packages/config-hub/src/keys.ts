import type { FileKey, GroupKey } from './model.ts'

/**
 * Where things stand in the store, below the hub's prefix:
 *
 * ```text
 * live/groups/<namespace>/<group>
 * live/files/<namespace>/<group>/<file>                what a file is, and which releases of it are seen by whom
 * live/gone/<namespace>/<group>/<file>                 the last version of a file that was deleted, and when it was
 * live/releases/<namespace>/<group>/<file>/<version>   releases with their contents; 16 digits
 * drafts/<namespace>/<group>/<file>                    contents that are not released
 * templates/<name>
 * audit/all/<id>                                       records of writes; ids begin with their time, turned: the newest come first
 * audit/of/<namespace>/<group>//<id>                   those of groups, without a value
 * audit/of///<template>/<id>                           those of templates, likewise
 * ```
 *
 * Names are escaped as parts of URLs are, so that a slash in one separates nothing. Members follow `live/` with one watch; of it they
 * read these areas of it when they start, and of releases only what is asked for.
 */
export const liveAreas = ['groups/', 'files/', 'gone/'] as const

/** Names that need no escape: nearly all. */
const plain = /^[\w.:-]*$/

/** A name as a part of a path. */
export function escapeName(name: string): string {
  return plain.test(name) ? name : encodeURIComponent(name).replaceAll('%3A', ':')
}

/** The reverse of {@link escapeName}. */
export function unescapeName(part: string): string {
  return part.includes('%') ? decodeURIComponent(part) : part
}

/** `<namespace>/<group>` */
export function groupPath({ namespace, group }: GroupKey): string {
  return `${escapeName(namespace)}/${escapeName(group)}`
}

/** `<namespace>/<group>/<file>`: what a file is called in maps and in the store. */
export function filePath({ namespace, group, file }: FileKey): string {
  return `${escapeName(namespace)}/${escapeName(group)}/${escapeName(file)}`
}

/** The names in the path of a file. */
export function fileKeyOf(path: string): FileKey {
  const [namespace = '', group = '', file = ''] = path.split('/').map(unescapeName)
  return { namespace, group, file }
}

/** Whether {@link fileKeyOf} can read it. */
export function isPath(path: string): boolean {
  try {
    fileKeyOf(path)
    return true
  } catch {
    return false
  }
}

/** `live/releases/<path>/<version>` */
export function releaseKey(path: string, version: number): string {
  return `live/releases/${path}/${String(version).padStart(16, '0')}`
}

/** The end of the range of keys that begin with a prefix that ends with a slash. */
export function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`
}
