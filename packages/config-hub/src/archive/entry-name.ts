import { hasCode } from '@orrery/environment'
import type { FileKey } from '../model.ts'
import { checkFileKey } from '../validate/names.ts'
import { refuseEntry } from './archived-file.ts'

/** Where an archive says more of its files than their names do. */
export const metaName = 'META.json'

/**
 * What a file is called in an archive: `<namespace>/<group>/<file>`. Names of namespaces and groups are escaped as parts of URLs are,
 * so that their slashes make no folders, and no colon looks like a drive. Slashes in the file's name do make folders.
 */
export function entryNameOf({ namespace, group, file }: FileKey): string {
  return `${encodeURIComponent(namespace)}/${encodeURIComponent(group)}/${file}`
}

/**
 * The file that an entry is. The reverse of {@link entryNameOf}: neither names of namespaces nor of groups have percent signs of their
 * own.
 *
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
 */
export function fileKeyOfEntry(name: string): FileKey {
  const [namespace, group, ...file] = name.split('/')
  if (namespace === undefined || group === undefined || file.length === 0) {
    refuseEntry(name, 'is no file in a group of a namespace: <namespace>/<group>/<file>')
  }
  return checkedKey(name, {
    namespace: unescaped(name, namespace),
    group: unescaped(name, group),
    file: file.join('/'),
  })
}

/**
 * A key that comes from an archive.
 *
 * @param entry whom a message names
 * @throws ConfigError `CONFIG_ARCHIVE_INVALID`
 */
export function checkedKey(entry: string, key: unknown): FileKey {
  try {
    checkFileKey(key)
  } catch (error) {
    if (!hasCode(error, 'CONFIG_INVALID')) throw error
    refuseEntry(entry, `has a name that no file may have: ${error.message}`, { cause: error })
  }
  const { namespace, group, file } = key
  return { namespace, group, file }
}

function unescaped(name: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch (cause) {
    refuseEntry(name, 'has a percent sign that escapes nothing', { cause })
  }
}
