import type { Environment, LogFields } from '@orrery/environment'

/** One line of a kind in so long; the next one says how many there would have been. Unit: ms. */
export const quietMs = 10_000

/** Logs what may happen many times a second while Redis is away. */
export class QuietLog {
  readonly #environment: Environment
  /** By message: there are only as many as the code has. */
  readonly #kinds = new Map<string, { readonly atMs: number; skipped: number }>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  /** Something an operator should know. */
  write(level: 'info' | 'warn', message: string, fields: LogFields): void {
    const { clock, logger } = this.#environment
    const nowMs = clock.nowMs()
    const last = this.#kinds.get(message)
    if (last !== undefined && nowMs - last.atMs < quietMs) {
      last.skipped++
      return
    }
    this.#kinds.set(message, { atMs: nowMs, skipped: 0 })
    logger[level](
      message,
      last !== undefined && last.skipped > 0 ? { ...fields, skipped: last.skipped } : fields,
    )
  }
}

/** What went wrong, for a log or a message. Errors of several attempts to connect have no text of their own. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
