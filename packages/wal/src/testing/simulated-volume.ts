import type { SimulatedFile } from './simulated-file.ts'

/** A change of a name that is not durable yet. */
export interface NameChange {
  readonly path: string
  readonly file: SimulatedFile | undefined
  readonly from?: string
}

/** Names, files and locks: what processes share. */
export class SimulatedVolume {
  names = new Map<string, SimulatedFile>()
  durableNames = new Map<string, SimulatedFile>()
  unsyncedNames: NameChange[] = []
  readonly directories = new Set<string>(['.', '/'])
  /** Holders by path. */
  readonly locks = new Map<string, object>()

  changeName(change: NameChange): void {
    applyName(this.names, change)
    this.unsyncedNames.push(change)
  }

  syncDirectory(directory: string): void {
    const inside = ({ path }: NameChange): boolean => directoryOf(path) === directory
    for (const change of this.unsyncedNames) if (inside(change)) applyName(this.durableNames, change)
    this.unsyncedNames = this.unsyncedNames.filter((change) => !inside(change))
  }

  /** The volume with each file replaced. */
  copy(
    replace: (file: SimulatedFile) => SimulatedFile,
    keepNames: (change: NameChange) => boolean,
    cached: boolean,
  ): SimulatedVolume {
    const next = new SimulatedVolume()
    const replaced = new Map<SimulatedFile, SimulatedFile>()
    const toNext = (file: SimulatedFile): SimulatedFile => {
      const known = replaced.get(file) ?? replace(file)
      replaced.set(file, known)
      return known
    }
    const changes = this.unsyncedNames.map((change) => ({
      ...change,
      file: change.file === undefined ? undefined : toNext(change.file),
    }))
    for (const directory of this.directories) next.directories.add(directory)
    for (const [path, file] of this.durableNames) next.durableNames.set(path, toNext(file))
    next.names = new Map(next.durableNames)
    for (const change of changes) if (keepNames(change)) applyName(next.names, change)
    if (cached) next.unsyncedNames = changes
    else next.durableNames = new Map(next.names)
    return next
  }
}

function applyName(names: Map<string, SimulatedFile>, { path, file, from }: NameChange): void {
  if (from !== undefined) names.delete(from)
  if (file === undefined) names.delete(path)
  else names.set(path, file)
}

/** The directory that a path lies in. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '.' : path.slice(0, slash) || '/'
}
