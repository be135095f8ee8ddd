import type { ChangeBatch, ConfigChange, Release } from '@orrery/config-hub'

/** What is kept at most. Unit: bytes. */
const keptMaxBytes = 8 * 1024 * 1024

const begin = { released: Buffer.from('{"type":"released","release":'), end: Buffer.from('}') } as const
const comma = Buffer.from(',')
const end = Buffer.from(']}')

/**
 * The JSON of releases, without line ends. Those who are told of the same release at the same time share it: the latest ones
 * are kept, up to 8 MiB.
 */
export class ReleaseJson {
  /** The one that was made first comes first. */
  readonly #kept = new Map<Release, Buffer>()
  #bytes = 0

  /** With its content. Nobody changes it. */
  of(release: Release): Buffer {
    const kept = this.#kept.get(release)
    if (kept !== undefined) return kept
    const made = Buffer.from(JSON.stringify(release))
    this.#keep(release, made)
    return made
  }

  /**
   * Changes, in parts that belong together and are shared.
   *
   * @param isPlain contents that stand encrypted are told; otherwise they are left out
   */
  partsOf({ revision, changes }: ChangeBatch, isPlain: boolean): readonly Uint8Array[] {
    const parts: Uint8Array[] = [Buffer.from(`{"revision":${revision},"changes":[`)]
    for (const [index, change] of changes.entries()) {
      if (index > 0) parts.push(comma)
      parts.push(...this.#changeOf(change, isPlain))
    }
    parts.push(end)
    return parts
  }

  #changeOf(change: ConfigChange, isPlain: boolean): readonly Uint8Array[] {
    if (change.type === 'removed') return [Buffer.from(JSON.stringify(change))]
    const { release } = change
    if (!release.encrypted || isPlain) return [begin.released, this.of(release), begin.end]
    return [begin.released, Buffer.from(JSON.stringify(withoutContent(release))), begin.end]
  }

  #keep(release: Release, made: Buffer): void {
    if (made.length > keptMaxBytes) return
    this.#kept.set(release, made)
    this.#bytes += made.length
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= keptMaxBytes) return
      this.#kept.delete(oldest)
      this.#bytes -= length
    }
  }
}

/** What is told of a release to whom its content is not. */
export function withoutContent(release: Release): Omit<Release, 'content'> {
  const rest: Omit<Release, 'content'> & { content?: string } = { ...release }
  delete rest.content
  return rest
}
