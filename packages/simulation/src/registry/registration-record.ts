import type { InstanceChange } from '@orrery/registry'

/**
 * What one instance has asked for in its lives, and what was acknowledged. It registers with a higher version in each
 * of them.
 *
 * A call whose outcome is unknown may take effect at any later time, so nothing is demanded of the order of writes of
 * an instance that has ever had one.
 */
export class RegistrationRecord {
  readonly #id: string
  #version = 0
  /** What was acknowledged last. */
  #registered = { version: 0, revision: 0 }
  /** At which it was taken away, unless it has registered since. */
  #leftRevision = Infinity
  #isUncertain = false

  constructor(id: string) {
    this.#id = id
  }

  /** Begins a life. @returns the version to register with */
  nextVersion(): number {
    return ++this.#version
  }

  /** It registers. */
  begins(): void {
    this.#leftRevision = Infinity
  }

  /** A registration was acknowledged. */
  registered(version: number, revision: number): void {
    this.#registered = { version, revision }
  }

  /** It was taken away, by the last thing that it asked for. */
  left(revision: number): void {
    this.#leftRevision = revision
  }

  /** Nobody knows what has become of something that it asked for. */
  doubt(): void {
    this.#isUncertain = true
  }

  get isUncertain(): boolean {
    return this.#isUncertain
  }

  /** What is wrong with something that a member told of it. */
  contradictionOf(change: InstanceChange, revision: number): string | undefined {
    if (this.#isUncertain || change.type === 'removed') return undefined
    if (revision > this.#leftRevision) {
      return `${this.#id} came back at ${revision}, though it was taken away at ${this.#leftRevision}`
    }
    const { version, revision: registeredRevision } = this.#registered
    const isOlder = revision > registeredRevision && Number(change.instance.version) < version
    if (!isOlder) return undefined
    return `${this.#id} was of version ${change.instance.version} at ${revision}, though it had registered with ${version}`
  }
}
