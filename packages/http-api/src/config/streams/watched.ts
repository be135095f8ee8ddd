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
  return ({ namespace, group, file }) => {
    const path = `${namespace}\n${group}\n${file}`
    if (files.has(path)) return true
    for (let end = path.length - file.length; end <= path.length; end++) {
      if (begins.has(path.slice(0, end))) return true
    }
    return false
  }
}
