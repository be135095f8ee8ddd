import type { PolledChange, PollResult, ReleaseInfo } from '@orrery/config-hub'

/** The JSON of what polls are answered. Those that are given the same answer share it, and it is forgotten with the answer. */
export class PollJson {
  readonly #results = new WeakMap<PollResult, string>()
  /** Who polls for several files is given an answer of its own, but of releases that others are given as well. */
  readonly #changes = new WeakMap<ReleaseInfo, string>()

  /** One text for one answer. */
  textOf(result: PollResult): string {
    let text = this.#results.get(result)
    if (text === undefined) {
      text = this.#textOf(result)
      this.#results.set(result, text)
    }
    return text
  }

  #textOf(result: PollResult): string {
    if (result.type === 'unchanged') return JSON.stringify(result)
    const { type, revision, changes } = result
    const list = changes.map((change) => this.#changeOf(change)).join(',')
    return `${JSON.stringify({ type, revision }).slice(0, -1)},"changes":[${list}]}`
  }

  #changeOf(change: PolledChange): string {
    if (change.type === 'removed') return JSON.stringify(change)
    let text = this.#changes.get(change.info)
    if (text === undefined) {
      text = JSON.stringify(change)
      this.#changes.set(change.info, text)
    }
    return text
  }
}
