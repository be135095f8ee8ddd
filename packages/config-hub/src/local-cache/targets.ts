import type { WatchTarget } from '../watches.ts'
import type { FileKey } from '../model.ts'

/** Whether a file is one of those that are meant; without targets, all are. */
export function isTargeted(key: FileKey, targets: readonly WatchTarget[] | undefined): boolean {
  if (targets === undefined) return true
  return targets.some(
    ({ namespace, group, file, prefix }) =>
      namespace === key.namespace &&
      group === key.group &&
      (file === undefined || file === key.file) &&
      (prefix === undefined || key.file.startsWith(prefix)),
  )
}
