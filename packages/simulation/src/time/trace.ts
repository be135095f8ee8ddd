/** What happened in a simulation: all of it as a hash, its end as text. */
export interface Trace {
  /** Whether lines are kept. Build a line only then: most runs are not read. */
  readonly isRecording: boolean
  /** The last lines, oldest first. */
  readonly lines: readonly string[]
  /** Of everything that was mixed in so far: 16 hexadecimal digits. Equal for equal seeds. */
  readonly hash: string
  /** Adds a number to the hash. */
  mix(value: number): void
  /** Keeps a line, with the time before it. Does nothing unless recording. */
  add(line: string): void
}

/** A trace with two lanes of FNV-1a over 32-bit words, and a ring of lines. */
export class RecordedTrace implements Trace {
  readonly #maxLines: number
  readonly #nowMs: () => number
  #lines: string[] = []
  #low = 0x811c9dc5
  #high = 0x01234567

  constructor(maxLines: number, nowMs: () => number) {
    this.#maxLines = maxLines
    this.#nowMs = nowMs
  }

  get isRecording(): boolean {
    return this.#maxLines > 0
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.#maxLines)
  }

  get hash(): string {
    const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return digits(this.#high) + digits(this.#low)
  }

  mix(value: number): void {
    this.#low = Math.imul(this.#low ^ (value | 0), 0x01000193)
    this.#high = Math.imul(this.#high ^ (value / 0x1_0000_0000) ^ (this.#low >>> 15), 0x01000193)
  }

  add(line: string): void {
    if (this.#maxLines === 0) return
    this.#lines.push(`${this.#nowMs().toFixed(3).padStart(12)} ${line}`)
    if (this.#lines.length > 2 * this.#maxLines) this.#lines = this.#lines.slice(-this.#maxLines)
  }
}
