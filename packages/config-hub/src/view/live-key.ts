import { filePath, fileKeyOf, groupPath, unescapeName } from '../keys.ts'
import type { FileKey, GroupKey } from '../model.ts'

/** What a key below the hub's prefix is about. */
export type LiveKey =
  | { readonly type: 'group'; readonly key: GroupKey; readonly path: string }
  | { readonly type: 'file' | 'gone'; readonly key: FileKey; readonly path: string }
  | { readonly type: 'release' }

const types: ReadonlyMap<string, LiveKey['type']> = new Map([
  ['groups', 'group'],
  ['files', 'file'],
  ['gone', 'gone'],
  ['releases', 'release'],
])

/**
 * Reads a key.
 *
 * @param name of the key, without the hub's prefix
 * @returns undefined: it belongs to a later version
 * @throws Error no hub writes such a key
 */
export function parseLiveKey(name: string): LiveKey | undefined {
  const [live, area = '', path = ''] = splitAt(name)
  const type = live === 'live' ? types.get(area) : undefined
  if (type === undefined) return undefined
  if (type === 'release') return { type }
  if (type === 'group') {
    const [namespace = '', group = ''] = path.split('/').map(unescapeName)
    const key = { namespace, group }
    requireCanonical(path, groupPath(key))
    return { type, key, path }
  }
  const key = fileKeyOf(path)
  requireCanonical(path, filePath(key))
  return { type, key, path }
}

/** The first two parts, and the rest. */
function splitAt(name: string): readonly string[] {
  const first = name.indexOf('/')
  const second = name.indexOf('/', first + 1)
  return [name.slice(0, first), name.slice(first + 1, second), name.slice(second + 1)]
}

/** Two keys never stand for the same thing. */
function requireCanonical(path: string, canonical: string): void {
  if (path !== canonical) throw new Error(`the key is not one of a hub; it would be ${canonical}`)
}
