import { expect } from 'vitest'
import type { Operation } from './operation.ts'
import { Oracle } from './oracle.ts'
import type { Report } from './report.ts'
import { digestOf, type State } from './state.ts'

/** What a watcher was told: the changes from one revision to another. */
interface Watched {
  readonly from: number
  readonly to: number
  readonly digest: string
}

/**
 * What the writers of one directory reported, held against what the next one finds there.
 *
 * Operations are entries of a log, in the order of their submission. So what is found is exactly what a store
 * holds that went through the first of those that were submitted; and among these are all that were answered,
 * and all that a watcher was told of.
 */
export class Ledger implements AsyncDisposable {
  readonly #oracle = new Oracle()
  /** Submitted since the last opening. Their indexes in the log begin behind the oracle's. */
  #issued: Operation[] = []
  /** By number since the last opening, from 1. */
  readonly #answers = new Map<number, string>()
  #watched: Watched[] = []
  #watchFrom = 2
  #compactRevision = -1
  /** Counted, so that a test can tell that it tested something. */
  readonly counts = { openings: 0, answered: 0, unanswered: 0, undone: 0, watched: 0, compactions: 0 }

  /** Where the watcher of the next writer begins: behind everything that watchers have been told. */
  get watchFrom(): number {
    return this.#watchFrom
  }

  /** Takes what a writer tells after its opening. */
  add(report: Report): void {
    switch (report.type) {
      case 'issued':
        this.#issued.push(...report.operations)
        break
      case 'answered':
        this.#answers.set(report.number, report.answer)
        break
      case 'watched':
        this.#watched.push({ from: this.#watchFrom, to: report.revision, digest: report.digest })
        this.#watchFrom = report.revision + 1
        break
      default:
    }
  }

  /** Checks what a store holds after its opening, with everything that was told before. */
  async check(found: State, context: string): Promise<void> {
    const survived = found.appliedIndex - this.#oracle.index
    const answered = Math.max(0, ...this.#answers.keys())
    expect(survived, `operations that survived: ${context}`).toBeGreaterThanOrEqual(answered)
    expect(survived, `operations that survived: ${context}`).toBeLessThanOrEqual(this.#issued.length)

    const before = this.#oracle.index
    const compactedBefore = this.#compactRevision
    await this.#oracle.advance(this.#issued.slice(0, survived))
    for (const [number, answer] of this.#answers) {
      expect(answer, `answer of ${JSON.stringify(this.#issued[number - 1])}`).toBe(
        this.#oracle.answers[before + number - 1],
      )
    }
    for (const { from, to, digest } of this.#watched) {
      expect(to, 'a revision that a watcher was told of').toBeLessThanOrEqual(found.revision)
      expect(digest, `changes from ${from} to ${to}`).toBe(digestOf(this.#oracle.lines(from, to)))
    }
    expect(found).toEqual(await this.#oracle.state())

    this.counts.openings++
    this.counts.answered += this.#answers.size
    this.counts.unanswered += survived - this.#answers.size
    this.counts.undone += this.#issued.length - survived
    this.counts.watched += this.#watched.length
    if (found.compactRevision > compactedBefore) this.counts.compactions++
    this.#issued = []
    this.#answers.clear()
    this.#watched = []
    this.#compactRevision = found.compactRevision
    this.#watchFrom = Math.max(this.#watchFrom, found.compactRevision + 1)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#oracle[Symbol.asyncDispose]()
  }
}
