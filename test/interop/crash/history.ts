import type { Operation } from './operation.ts'
import type { Report } from './report.ts'

/** What must be found after a loss of power. */
export interface Expectation {
  /** Entries that were answered. */
  readonly answeredIndex: number
  /** Entries that were submitted. */
  readonly issuedIndex: number
  /** A watcher was told everything up to here. */
  readonly watchedRevision: number
}

/** What the writers of one directory have reported so far, one after the other. */
export class History {
  /** Entries of the log, those of a writer after those that it found. */
  readonly operations: Operation[] = []
  #opened = 0
  #answeredIndex = 0
  #watchedRevision = 1

  add(report: Report): void {
    switch (report.type) {
      case 'opened':
        this.#opened = report.state.appliedIndex
        this.operations.length = this.#opened
        break
      case 'issued':
        this.operations.push(...report.operations)
        break
      case 'answered':
        this.#answeredIndex = Math.max(this.#answeredIndex, this.#opened + report.number)
        break
      case 'watched':
        this.#watchedRevision = report.revision
        break
      default:
    }
  }

  expectation(): Expectation {
    return {
      answeredIndex: this.#answeredIndex,
      issuedIndex: this.operations.length,
      watchedRevision: this.#watchedRevision,
    }
  }
}
