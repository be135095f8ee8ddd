import type { Fingerprint } from '@orrery/config-hub'
import { Progress } from './progress.ts'

/** Something of a file that a client was told. */
export interface SeenVersion {
  readonly file: string
  readonly version: number
  readonly md5: string
}

/** What a client has seen of files of one group, and whether it ever went backwards. */
export class SeenFiles {
  readonly name: string
  /** What must not happen. */
  readonly failures: string[] = []
  /** How often it was told something new. */
  changes = 0
  /** How often it has turned to a member. */
  connections = 0
  /** Everything up to this revision of the store was told. */
  revision = 0
  readonly #group: string
  readonly #files = new Map<string, SeenVersion>()
  readonly #progress = new Progress()

  constructor(name: string, group: string) {
    this.name = name
    this.#group = group
  }

  /** What it tells of itself when it turns to another member. */
  get known(): readonly Fingerprint[] {
    return Array.from(this.#files.values(), (seen) => ({ namespace: 'default', group: this.#group, ...seen }))
  }

  /** It was told of a version that it sees. */
  sees(told: SeenVersion, by: string): void {
    const { file, version, md5 } = told
    const before = this.#files.get(file)
    if (before !== undefined && version < before.version) {
      this.failures.push(`${this.name} saw ${file} go from ${before.version} to ${version}, at ${by}`)
    }
    if (before?.version === version && before.md5 !== md5) {
      this.failures.push(`${this.name} saw two contents of version ${version} of ${file}, at ${by}`)
    }
    if (before === undefined || version > before.version) this.changes++
    this.#files.set(file, { file, version, md5 })
    this.#progress.made()
  }

  fails(reason: string): void {
    this.failures.push(`${this.name}: ${reason}`)
    this.#progress.made()
  }

  /** Waits for so many more changes. */
  async more(count: number): Promise<void> {
    const enough = this.changes + count
    await this.#progress.until(() => this.changes >= enough || this.failures.length > 0)
  }

  /** Waits until these are the versions that it sees. */
  async reaches(versions: ReadonlyMap<string, number>): Promise<void> {
    await this.#progress.until(
      () =>
        this.failures.length > 0 ||
        [...versions].every(([file, version]) => this.#files.get(file)?.version === version),
    )
  }
}
