import type { LogFields, Logger } from '@orrery/environment'
import type { BatchedPort } from './batched-port.ts'
import { logLinesMax, threadItems } from './wire.ts'
import { fromWireError, toCloneable, toWireError, type WireError } from './wire-errors.ts'

type Level = keyof Logger

/** A line on its way to the host's logger. */
interface WireLine {
  readonly level: Level
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Those of the fields that are errors. */
  readonly errors: Readonly<Record<string, WireError>>
}

/** A logger whose lines another thread writes. It does not wait: what that thread does not take is dropped. */
export class LogForwarder {
  readonly #port: BatchedPort
  #waiting = 0
  #dropped = 0

  constructor(port: BatchedPort) {
    this.#port = port
  }

  readonly logger: Logger = {
    debug: (message, fields) => this.#forward('debug', message, fields),
    info: (message, fields) => this.#forward('info', message, fields),
    warn: (message, fields) => this.#forward('warn', message, fields),
    error: (message, fields) => this.#forward('error', message, fields),
  }

  /** The host has written so many lines. */
  taken(lines: number): void {
    this.#waiting -= lines
    if (this.#dropped === 0) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.#forward('warn', 'log lines were dropped, because the host did not take them', { dropped })
  }

  #forward(level: Level, message: string, fields: LogFields = {}): void {
    if (this.#waiting >= logLinesMax) {
      this.#dropped++
      return
    }
    this.#waiting++
    const line: { fields: Record<string, unknown>; errors: Record<string, WireError> } = {
      fields: {},
      errors: {},
    }
    for (const [name, value] of Object.entries(fields)) {
      if (value instanceof Error) line.errors[name] = toWireError(value)
      else line.fields[name] = toCloneable(value)
    }
    this.#port.item(threadItems.log)
    this.#port.value({ level, message, ...line } satisfies WireLine)
  }
}

/** Writes a line of the other thread. */
export function writeLine(logger: Logger, line: unknown): void {
  const { level, message, fields, errors } = line as WireLine
  const revived = Object.entries(errors).map(([name, error]) => [name, fromWireError(error)] as const)
  logger[level](message, { ...fields, ...Object.fromEntries(revived) })
}
