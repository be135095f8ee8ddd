import type { FileKey, WatchTarget } from '@orrery/config-hub'

/** Says of files whether they are among what is watched, in a time that does not depend on how many targets there are. */
export function watchedOf(targets: readonly WatchTarget[]): (key: FileKey) => boolean {
  const files = new Set<string>()
  const begins = new Set<string>()
  for (const { namespace, group, file, prefix = '' } of targets) {
    const home = `${namespace}\n${group}\n`
    if (file === undefined) begins.add(home + prefix)
    else files.add(home + file)
  }
  return (key) => {
    const path = pathOf(key)
    if (files.has(path)) return true
    for (let end = path.length - key.file.length; end <= path.length; end++) {
      if (begins.has(path.slice(0, end))) return true
    }
    return false
  }
}

/** A text that stands for one file: no name has a line end. */
export function pathOf({ namespace, group, file }: FileKey): string {
  return `${namespace}\n${group}\n${file}`
}
